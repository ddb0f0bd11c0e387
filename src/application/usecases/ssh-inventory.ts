import { judgeSshKey, type SshKeyFacts } from "#domain/ssh/key-care.ts";
import { importableForward, type ConfigForward, type ImportableService } from "#domain/ssh/importable-forward.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { SshHostFound, SshInventory, SshUse } from "../ports/ssh-inventory.ts";
import type { Engine } from "../engine/engine.ts";
import { filelessWorkspace } from "../engine/ad-hoc-services.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { InspectSshKeysArgs, ListSshHostsArgs } from "../surface/use-cases.ts";
import { anyWorkspaceOf } from "./scope.ts";

export interface SshInventoryDependencies {
  readonly engine: Engine;
  readonly clock: Clock;
  access(workspace: string): Access;
  inventory(): Promise<SshInventory>;
}

const usualLimit = 50;
/** Of one host. */
const mostForwards = 20;

/** The SSH hosts that the person's files and the workspace's services name. */
export async function listSshHosts(
  deps: SshInventoryDependencies,
  { query, limit = usualLimit }: ListSshHostsArgs,
  context: CallContext,
): Promise<Answer> {
  const { uses, access, declared } = await usesOf(deps, context);
  const inventory = await deps.inventory();
  const all = query === undefined ? limit : Number.MAX_SAFE_INTEGER;
  const { hosts, total } = await inventory.hosts(uses, all, { access, signal: context.signal });
  const wanted = query?.toLowerCase();
  const fits = (text: string | undefined): boolean => text?.toLowerCase().includes(wanted ?? "") ?? false;
  const found = (wanted === undefined ? hosts : hosts.filter((one) => fits(one.host) || fits(one.hostName))).slice(
    0,
    limit,
  );
  const unknown = found.filter(({ known }) => known === false);
  const first = unknown.find(({ services }) => services.length > 0) ?? unknown[0];
  return {
    summary: `${found.length} of ${total} SSH hosts${unknown.length > 0 ? `, ${unknown.length} without a known key` : ""}.`,
    hosts: found.map(({ hostName, keyFiles, forwards, ...rest }) => ({
      ...rest,
      ...(hostName !== undefined && { host_name: hostName }),
      ...(keyFiles && { key_files: keyFiles }),
      ...(forwards && { importable: importable(rest.host, forwards) }),
    })),
    total,
    ...(first && {
      user_steps: [
        {
          do: "run" as const,
          command: `portwright ssh trust ${first.host}`,
          why: "its key is in no known_hosts file: compare the fingerprint, then trust it",
        },
      ],
    }),
    next_steps: importing(found, new Set(declared)),
  };
}

const importable = (host: string, forwards: readonly ConfigForward[]): ImportableService[] =>
  forwards.slice(0, mostForwards).flatMap((forward) => importableForward(host, forward) ?? []);

/** Forwards of `~/.ssh/config` that are no services yet, by host. */
const importing = (hosts: readonly SshHostFound[], declared: ReadonlySet<string>): NextStep[] =>
  hosts
    .map(({ host, forwards = [] }) => ({
      host,
      changes: importable(host, forwards).filter(({ service }) => !declared.has(service)),
    }))
    .filter(({ changes }) => changes.length > 0)
    .slice(0, 3)
    .map(({ host, changes }) => ({
      tool: "configure_service",
      arguments: { changes },
      why: `declares the forwards of ${host} in ~/.ssh/config as services`,
    }));

/** The person's SSH keys, with what is wrong with them. */
export async function inspectSshKeys(
  deps: SshInventoryDependencies,
  { only }: InspectSshKeysArgs,
  context: CallContext,
): Promise<Answer> {
  const { uses, access } = await usesOf(deps, context);
  const inventory = await deps.inventory();
  const nowMs = deps.clock.nowMs();
  const keys = (await inventory.keys(uses, { access, signal: context.signal }))
    .map((key) => ({ key, findings: judgeSshKey(key, nowMs) }))
    .filter(({ findings }) => only !== "problems" || findings.some(({ severity }) => severity === "problem"));
  const problems = keys.flatMap(({ findings }) => findings.filter(({ severity }) => severity === "problem"));
  const advice = keys.flatMap(({ findings }) => findings.filter(({ severity }) => severity === "advice"));
  return {
    summary: `${keys.length} SSH ${keys.length === 1 ? "key" : "keys"}: ${problems.length} with a problem to mend, ${advice.length} pieces of advice.`,
    keys: keys.map(({ key, findings }) => ({ ...shown(key, nowMs), ...(findings.length > 0 && { findings }) })),
    user_steps: problems
      .filter(({ advice: command }) => command.startsWith("chmod "))
      .slice(0, 3)
      .map(({ advice: command, what }) => ({ do: "run" as const, command, why: what })),
  };
}

function shown(key: SshKeyFacts, nowMs: number): object {
  const { file, type, bits, fingerprint, encrypted, mode, writtenMs, inAgent, certificate, hosts, services, missing } =
    key;
  if (missing)
    return { file, missing: true, ...(hosts.length > 0 && { hosts }), ...(services.length > 0 && { services }) };
  return {
    file,
    ...(type !== undefined && { type }),
    ...(bits !== undefined && { bits }),
    ...(fingerprint !== undefined && { fingerprint }),
    encrypted,
    ...(mode !== undefined && { mode: mode.toString(8).padStart(4, "0") }),
    ...(writtenMs !== undefined && { age_days: Math.max(0, Math.floor((nowMs - writtenMs) / 86_400_000)) }),
    in_agent: inAgent,
    ...(certificate && {
      certificate: {
        file: certificate.file,
        ...(certificate.validBeforeMs !== undefined && { expires: new Date(certificate.validBeforeMs).toISOString() }),
      },
    }),
    ...(hosts.length > 0 && { hosts }),
    ...(services.length > 0 && { services }),
  };
}

async function usesOf(
  deps: SshInventoryDependencies,
  { client }: CallContext,
): Promise<{ readonly uses: readonly SshUse[]; readonly access: Access; readonly declared: readonly string[] }> {
  const workspace = await anyWorkspaceOf(deps.engine, client);
  const uses = (workspace?.services ?? []).flatMap(({ name, spec }): SshUse[] => {
    if (spec?.technology !== "ssh") return [];
    const { host, user, port, keyFile } = spec.connection;
    return [{ service: name, host, user, port: port === 22 ? undefined : port, keyFile }];
  });
  return {
    uses,
    access: deps.access(client.workspace ?? filelessWorkspace),
    declared: (workspace?.services ?? []).map(({ name }) => name),
  };
}
