import { foldName } from "../names.ts";
import { healthCheckSchema } from "../spec/health-check.ts";
import { exportsFor, type KnownProtocol } from "./protocols.ts";
import type { TargetHandle } from "./handle.ts";

/** A target that a forward leads to; what listens here already needs none. */
export type ForwardedHandle = Extract<TargetHandle, { kind: "kubernetes" | "ssh" }>;

/** Every answer but "the server failed": an ad hoc check knows no path. */
const anyAnswer = [200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 410, 415, 426];

/** The name of an ad hoc connection: the target's own, told apart by its place and a number where it is taken. */
export function adHocName(handle: ForwardedHandle, isTaken: (name: string) => boolean): string {
  const own = handle.kind === "kubernetes" ? handle.resourceName : handle.host;
  const place = handle.kind === "kubernetes" ? handle.namespace : `${handle.port ?? ""}`;
  const names = [own, `${own}-${place}`].map((name) => name.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(0, 58));
  const base = names[1] ?? "connection";
  for (const name of names) if (!isTaken(name)) return name;
  for (let number = 2; ; number++) if (!isTaken(`${base}-${number}`)) return `${base}-${number}`;
}

/** The check that verifies a protocol, as far as there is one; else that a connection stands. */
export function checkFor(protocol: KnownProtocol | undefined): Readonly<Record<string, unknown>> {
  if (protocol === undefined) return { type: "tcp" };
  const web = protocol.check === "http" || protocol.check === "https";
  const check = web
    ? { type: protocol.check, config: { path: "/", expected_status_codes: anyAnswer, verify_ssl: false } }
    : { type: protocol.check };
  return healthCheckSchema.safeParse(check).success ? check : { type: "tcp" };
}

/** An ad hoc connection as a file would declare it. Holds no credential. */
export function adHocDeclaration(
  name: string,
  handle: ForwardedHandle,
  port: number | string,
  localPort: number,
  protocol: KnownProtocol | undefined,
  check = checkFor(protocol),
): Readonly<Record<string, unknown>> {
  return {
    name,
    technology: handle.kind,
    local_port: localPort,
    remote_port: port,
    connection:
      handle.kind === "kubernetes"
        ? {
            context: handle.context,
            namespace: handle.namespace,
            resource_type: handle.resourceType,
            resource_name: handle.resourceName,
          }
        : { host: handle.host },
    health_check: check,
    exports: exportsFor(protocol, name),
  };
}

/** Whether a declared service leads to the same place. */
export function leadsTo(
  spec: {
    readonly technology: string;
    readonly remotePort?: number | string;
    readonly connection: object;
  },
  handle: ForwardedHandle,
  port: number | string,
): boolean {
  const connection = spec.connection as Readonly<Record<string, unknown>>;
  if (spec.technology !== handle.kind || spec.remotePort !== port) return false;
  if (handle.kind === "ssh") return connection["host"] === handle.host && connection["remoteHost"] === "localhost";
  return (
    connection["context"] === handle.context &&
    connection["namespace"] === handle.namespace &&
    connection["resourceType"] === handle.resourceType &&
    connection["resourceName"] === handle.resourceName
  );
}

/** Whether a person's words are just the name of something that is declared. */
export const namesService = (words: string, service: string): boolean => foldName(words) === foldName(service);
