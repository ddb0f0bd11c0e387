import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import type { SshHostFound, SshInventory, SshUse } from "#application/ports/ssh-inventory.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { ConfigForward } from "#domain/ssh/importable-forward.ts";
import { listAgentIdentities } from "../agent-identities.ts";
import { resolveHost, type ResolvedHost } from "../config/resolve-host.ts";
import { readKnownHosts } from "../host-key.ts";
import { knownKeyTypes } from "../known-hosts.ts";
import { createSshSource } from "../ssh-source.ts";
import { keyFacts, keyFilesOf } from "./key-facts.ts";

/** Each host is a reading of all files: more than these are counted only. */
const mostResolved = 200;

/** What the person's files say about SSH hosts and keys. */
export const createSshInventory = (): SshInventory => ({
  async hosts(uses, limit, { access, signal }) {
    const named = await namedHosts(uses, access, signal);
    const hosts: SshHostFound[] = [];
    for (const [host, from] of [...named].slice(0, Math.min(limit, mostResolved))) {
      signal.throwIfAborted();
      hosts.push(await describe(host, from, uses, access, signal));
    }
    return { hosts, total: named.size };
  },

  async keys(uses, { access, signal }) {
    const files = new Map<string, { hosts: Set<string>; services: Set<string>; usual: boolean }>();
    const at = (file: string) => {
      const known = files.get(file);
      if (known) return known;
      const fresh = { hosts: new Set<string>(), services: new Set<string>(), usual: false };
      files.set(file, fresh);
      return fresh;
    };
    for (const file of await keyFilesOf(path.join(access.homeDir, ".ssh"))) at(file);
    const certificates = new Map<string, string>();
    for (const [host] of [...(await namedHosts(uses, access, signal))].slice(0, mostResolved)) {
      signal.throwIfAborted();
      const resolved = await look(host, access, signal).catch(() => undefined);
      if (!resolved) continue;
      const theirs = uses.filter((use) => use.host === host);
      for (const file of resolved.identityFiles) {
        if (!resolved.identitiesNamed) {
          if (files.has(file)) at(file).usual = true;
          continue;
        }
        at(file).hosts.add(host);
        for (const { service, keyFile } of theirs) if (keyFile === undefined) at(file).services.add(service);
        for (const certificate of resolved.certificateFiles) certificates.set(file, certificate);
      }
    }
    for (const { service, keyFile } of uses) {
      if (keyFile !== undefined) at(path.resolve(access.workspaceDir, homely(keyFile, access))).services.add(service);
    }
    const socket = access.env("SSH_AUTH_SOCK");
    const held = socket === undefined || socket === "" ? [] : ((await listAgentIdentities(socket)) ?? []);
    return Promise.all(
      [...files].map(([file, { hosts, services, usual }]) =>
        keyFacts(file, {
          shown: shownFile(file, access),
          certificate: certificates.get(file) ?? `${file}-cert.pub`,
          held: held.map(({ blob }) => blob),
          hosts: [...hosts],
          services: [...services],
          usual: usual || /\/id_[a-z0-9_]+$/.test(file),
        }),
      ),
    );
  },
});

const homely = (file: string, { homeDir }: Access): string => file.replace(/^~(?=\/|$)/, homeDir);
const shownFile = (file: string, { homeDir }: Access): string =>
  file.startsWith(`${homeDir}/`) ? `~${file.slice(homeDir.length)}` : file;

/** Hosts of the files first, then those that only services name. */
async function namedHosts(uses: readonly SshUse[], access: Access, signal: AbortSignal): Promise<Map<string, string>> {
  const search = { query: undefined, context: undefined, namespace: undefined, folder: access.workspaceDir };
  const { targets } = await createSshSource().find(search, { access, signal });
  const named = new Map(targets.map(({ name, detail }) => [name, String(detail?.["from"] ?? "")]));
  for (const { host, service } of uses) if (!named.has(host)) named.set(host, `service ${service}`);
  return named;
}

const look = (host: string, access: Access, signal: AbortSignal): Promise<ResolvedHost> =>
  resolveHost(host, access, { signal, commands: false });

async function describe(
  host: string,
  from: string,
  uses: readonly SshUse[],
  access: Access,
  signal: AbortSignal,
): Promise<SshHostFound> {
  const services = uses.filter((use) => use.host === host).map(({ service }) => service);
  try {
    const found = await look(host, access, signal);
    const forwards: ConfigForward[] = [
      ...found.localForwards.map((line) => ({ direction: "local" as const, ...line })),
      ...found.remoteForwards.map((line) => ({ direction: "remote" as const, ...line })),
      ...found.dynamicForwards.map((line) => ({ direction: "dynamic" as const, ...line })),
    ];
    const { lines } = await readKnownHosts([...found.userKnownHostsFiles, ...found.globalKnownHostsFiles]);
    const known = knownKeyTypes(lines, found.hostKeyAlias ?? found.hostName, found.port).length > 0;
    return {
      host,
      from,
      hostName: found.hostName,
      user: found.user,
      port: found.port,
      ...(found.proxyJump && { via: found.proxyJump.map((hop) => hop.host) }),
      ...(found.proxyCommand !== undefined && { via: ["ProxyCommand"] }),
      ...(found.identitiesNamed && { keyFiles: found.identityFiles.map((file) => shownFile(file, access)) }),
      known,
      services,
      ...(forwards.length > 0 && { forwards }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { host, from, problem: toConnectivityError(error).message, services };
  }
}
