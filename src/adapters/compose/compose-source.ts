import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import * as z from "zod";
import { handleText } from "#domain/discovery/handle.ts";
import { guessProtocol } from "#domain/discovery/protocols.ts";
import type { FoundTarget, Unreadable } from "#domain/discovery/target.ts";
import type { Findings, TargetSource } from "#application/ports/target-source.ts";

/** In the order in which Docker Compose looks for them, with the override beside each. */
const files = [
  ["compose.yaml", "compose.override.yaml"],
  ["compose.yml", "compose.override.yml"],
  ["docker-compose.yml", "docker-compose.override.yml"],
  ["docker-compose.yaml", "docker-compose.override.yaml"],
] as const;
const maxBytes = 1024 * 1024;
const maxServices = 200;
const serviceName = /^[A-Za-z0-9][\w.-]{0,99}$/;

const published = z.union([
  z.string(),
  z.number(),
  z.looseObject({
    target: z.union([z.number(), z.string()]).optional(),
    published: z.union([z.number(), z.string()]).optional(),
    protocol: z.string().optional(),
  }),
]);
const schema = z.looseObject({
  services: z
    .record(z.string(), z.looseObject({ image: z.string().optional(), ports: z.array(published).nullish() }).nullable())
    .nullish(),
});

/** Services of the compose file of a folder that publish a port on this machine. Reads the file; runs nothing. */
export const createComposeSource = (): TargetSource => ({
  kind: "compose",
  async find({ folder }, { signal }): Promise<Findings> {
    const targets = new Map<string, FoundTarget>();
    const unreadable: Unreadable[] = [];
    for (const [file, override] of files) {
      const main = await readServices(join(folder, file), file, unreadable);
      if (main === undefined) continue;
      const more = (await readServices(join(folder, override), override, unreadable)) ?? [];
      for (const target of [...main, ...more]) targets.set(target.target, target);
      break;
    }
    signal.throwIfAborted();
    return { targets: [...targets.values()], unreadable };
  },
});

async function readServices(path: string, file: string, unreadable: Unreadable[]): Promise<FoundTarget[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const failed = (why: string): [] => {
    unreadable.push({ what: file, code: "config_invalid", why });
    return [];
  };
  if (found.size > maxBytes) return failed("it is too large");
  try {
    const document = parseDocument(await readFile(path, "utf8"), {
      logLevel: "silent",
      prettyErrors: false,
      merge: true,
    });
    if (document.errors.length > 0) return failed("it is not YAML");
    const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
    if (!parsed.success) return failed("it has not the form of a compose file");
    const services = Object.entries(parsed.data.services ?? {}).slice(0, maxServices);
    return services.flatMap(([name, service]) =>
      serviceName.test(name) && service !== null
        ? (service.ports ?? []).flatMap((port) => targetOf(name, service.image, port, file) ?? [])
        : [],
    );
  } catch {
    return failed("it cannot be read");
  }
}

function targetOf(
  name: string,
  image: string | undefined,
  port: z.output<typeof published>,
  file: string,
): FoundTarget | undefined {
  const { local, inside } = portsOf(port);
  if (local === undefined) return undefined;
  const service = handleText({ kind: "compose", service: name, port: undefined });
  return {
    kind: "compose",
    target: handleText({ kind: "compose", service: name, port: local }),
    object: service,
    name,
    places: ["compose", "docker", "local", "localhost"],
    port: local,
    protocol: guessProtocol({ port: inside ?? local, words: [name, image ?? ""] })?.name,
    hints: image === undefined ? [] : [image.slice(0, 200)],
    detail: { from: file },
  };
}

/** Short syntax `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]` and the long one; ranges and variables are left out. */
function portsOf(port: z.output<typeof published>): { local?: number | undefined; inside?: number | undefined } {
  if (typeof port === "number") return {};
  if (typeof port === "object") {
    if ((port.protocol ?? "tcp") !== "tcp") return {};
    return { local: asPort(port.published), inside: asPort(port.target) };
  }
  const [address, protocol = "tcp"] = port.split("/");
  const parts = address?.split(":") ?? [];
  if (protocol !== "tcp" || parts.length < 2) return {};
  return { local: asPort(parts.at(-2)), inside: asPort(parts.at(-1)) };
}

function asPort(text: string | number | undefined): number | undefined {
  const port = Number(text);
  return text !== undefined && text !== "" && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}
