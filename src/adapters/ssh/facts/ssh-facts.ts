import { readBounded } from "#adapters/net/bounded-file.ts";
import { firstWords, interfaces, lookUpName, reachPort } from "#adapters/net/facts/reach.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { Fact, FactKind, FactKinds } from "#domain/diagnosis/fact.ts";
import { nearestName } from "#domain/names.ts";
import { errorCatalogue, type Rung } from "#domain/error-catalogue.ts";
import type { SshService } from "#domain/spec/service.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { FactQuestion, FactSource } from "#application/ports/fact-source.ts";
import { resolveHost } from "../config/resolve-host.ts";

/** An SSH server says its identification at once; one that is this late is not there. */
const identificationMs = 1500;
const usualPort = 22;

type Tell = (fact: Fact) => void;

/** Facts about the way to an SSH server, and whether the target answers beside it. */
export class SshFacts implements FactSource {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async gather({ spec, access, signal, failure, route, briefly }: FactQuestion, tell: Tell): Promise<void> {
    if (spec.technology !== "ssh" || briefly === true) return;
    const rung = failure === undefined ? undefined : errorCatalogue[failure.code].rung;
    await Promise.all([
      // Hops are looked at by what they say themselves.
      route === undefined ? this.#server(spec, access, signal, tell) : undefined,
      rung === "target" || rung === "application" ? this.#beside(spec, signal, tell) : undefined,
    ]);
  }

  async #server(spec: SshService, access: Access, signal: AbortSignal, tell: Tell): Promise<void> {
    await this.#ask(tell, "interfaces", "network", "this machine", () => {
      const data = interfaces();
      return Promise.resolve({ yes: data.count > 0, data });
    });
    const first = await firstServer(spec, access, signal).catch(() => undefined);
    if (first === undefined) return;
    const { host, port } = first;
    const source = `${host}:${port}`;
    const name = await this.#ask(tell, "name", "ssh", "name resolution", async () => {
      const found = await lookUpName(host, signal);
      const nearest =
        found.addresses.length > 0 ? undefined : nearestName(host, await knownNames(first.knownHostsFiles));
      return { yes: found.addresses.length > 0, data: { ...found, ...(nearest !== undefined && { nearest }) } };
    });
    if (name === undefined || name.addresses.length === 0) return;
    const tcp = await this.#ask(tell, "tcp", "ssh", source, async () => {
      const data = await reachPort(host, port, signal);
      return { yes: data.errno === undefined, data };
    });
    if (tcp === undefined || tcp.errno !== undefined) return;
    await this.#ask(tell, "identification", "ssh", source, async () => {
      const bytes = await firstWords(host, port, identificationMs, signal);
      const said = bytes.length === 0 ? "nothing" : /^SSH-/m.test(bytes.toString("latin1")) ? "ssh" : "other";
      return { yes: said === "ssh", data: { host, port, said } };
    });
  }

  /** The target from here, without the server: only where its name means the same on both sides. */
  async #beside({ connection, remotePort }: SshService, signal: AbortSignal, tell: Tell): Promise<void> {
    const { remoteHost } = connection;
    if (/^(?:localhost|127\.|::1)/.test(remoteHost) || typeof remotePort !== "number") return;
    const target = `${remoteHost}:${remotePort}`;
    await this.#ask(tell, "beside", "target", "this machine", async () => {
      const { errno } = await reachPort(remoteHost, remotePort, signal);
      return { yes: errno === undefined, data: { target, how: "straight from here" } };
    });
  }

  async #ask<K extends FactKind>(
    tell: Tell,
    kind: K,
    rung: Rung,
    source: string,
    question: () => Promise<{ readonly yes: boolean; readonly data: FactKinds[K] }>,
  ): Promise<FactKinds[K] | undefined> {
    const startMs = this.#clock.monotonicMs();
    const head = () => ({
      kind,
      rung,
      source,
      atMs: this.#clock.nowMs(),
      ms: Math.round(this.#clock.monotonicMs() - startMs),
    });
    try {
      const { yes, data } = await question();
      tell({ ...head(), truth: yes ? "yes" : "no", data } as Fact);
      return data;
    } catch (thrown) {
      tell({ ...head(), truth: "not_checked", why: toConnectivityError(thrown).message } as Fact);
      return undefined;
    }
  }
}

/** Where the first TCP connection goes: the outermost jump host of `~/.ssh/config`, else the server. */
async function firstServer(
  { connection }: SshService,
  access: Access,
  signal: AbortSignal,
): Promise<{ readonly host: string; readonly port: number; readonly knownHostsFiles: readonly string[] } | undefined> {
  const { host, port, user } = connection;
  const resolved = await resolveHost(host, access, { user, port: port === usualPort ? undefined : port, signal });
  if (resolved.proxyCommand !== undefined) return undefined;
  const [jump] = resolved.proxyJump ?? [];
  const knownHostsFiles = [
    ...resolved.userKnownHostsFiles,
    ...(connection.knownHostsFile === undefined ? [] : [connection.knownHostsFile]),
  ];
  if (jump === undefined) return { host: resolved.hostName, port: resolved.port, knownHostsFiles };
  const hop = await resolveHost(jump.host, access, { user: jump.user, port: jump.port, signal });
  return { host: hop.hostName, port: hop.port, knownHostsFiles };
}

const mostNames = 2000;
const mostBytes = 4 * 1024 * 1024;

/** Hosts that this person has logged in to before; hashed names (sshd(8)) tell nothing. */
async function knownNames(files: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readBounded(file, mostBytes).catch(() => "")));
  const names = texts
    .flatMap((text) => text.toString("utf8").split("\n"))
    .filter((line) => line !== "" && !/^[#|@]/.test(line))
    .flatMap((line) => (line.split(" ")[0] ?? "").split(","))
    .map((name) => name.replace(/^\[(.*)\]:\d+$/, "$1"))
    .filter((name) => /^[a-z][\w.-]*$/i.test(name));
  return [...new Set(names)].slice(0, mostNames);
}
