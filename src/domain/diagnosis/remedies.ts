import type { Failure } from "../connectivity-error.ts";
import { clusterRemedies } from "./cluster-remedies.ts";
import { comesBack, shellWord, type Fact, type Remedy, type RemedyByCode } from "./remedy.ts";

export type { Remedy } from "./remedy.ts";

const sshCommand = (fact: Fact): string => {
  const target = `${fact("user") === undefined ? "" : `${fact("user")}@`}${fact("host") ?? "HOST"}`;
  const port = fact("port");
  return `ssh${port === undefined || port === "22" ? "" : ` -p ${shellWord(port)}`} ${shellWord(target)} true`;
};

const kubectl = (fact: Fact, rest: string): string => {
  const context = fact("context");
  const namespace = fact("namespace");
  const scope = `${context === undefined ? "" : ` --context ${shellWord(context)}`}${namespace === undefined ? "" : ` -n ${shellWord(namespace)}`}`;
  return `kubectl${scope} ${rest}`;
};

const remedyByCode: RemedyByCode = {
  ...clusterRemedies,
  variable_missing: (fact) => [
    {
      do: "ask",
      what: `a value for the variable ${fact("variables") ?? fact("variable") ?? "that is missing"}`,
      why: "the configuration refers to it",
    },
    {
      do: "run",
      command: `export ${fact("variables")?.split(",")[0] ?? fact("variable") ?? "NAME"}=… && portwright up`,
      why: "a terminal's variables reach the daemon",
      then: comesBack,
    },
  ],
  local_port_in_use: (fact) => [
    fact("pid") === undefined
      ? {
          do: "edit",
          where: "local_port of the service",
          what: "another port, or 0 for a free one",
          why: `port ${fact("port")} is taken`,
        }
      : {
          do: "run",
          command: `kill ${fact("pid")}`,
          why: `${fact("program") ?? "a process"} holds port ${fact("port")}`,
          changes: "ends that process",
        },
  ],
  local_port_privileged: (fact) => [
    {
      do: "edit",
      where: "local_port of the service",
      what: "a port from 1024 up, or 0 for a free one",
      why: `port ${fact("port")} is for root`,
    },
  ],
  host_key_unknown: (fact) => [
    {
      do: "run",
      command: fact("trust_command") ?? sshCommand(fact),
      why: `compare the fingerprint${fact("fingerprint") === undefined ? "" : ` (${fact("fingerprint")})`} with one that you trust, then trust it`,
      changes: fact("known_hosts_file") ?? "~/.ssh/known_hosts",
    },
  ],
  host_key_changed: (fact) => [
    {
      do: "ask",
      what: `whether the SSH server ${fact("host") ?? ""} was really installed anew`.replaceAll("  ", " "),
      why: "its key is not the known one: somebody may be in between",
    },
  ],
  ssh_key_missing: (fact) => [
    {
      do: "edit",
      where: "connection.key_file of the service",
      what: "the path of an existing key",
      why: `${fact("key_file") ?? "the file"} is not there`,
    },
  ],
  ssh_key_passphrase_required: (fact) => [
    {
      do: "run",
      command: `ssh-add ${shellWord(fact("key_file") ?? "KEY")}`,
      why: "the key is encrypted; the agent keeps it open",
      then: comesBack,
    },
  ],
  ssh_agent_unavailable: () => [
    {
      do: "run",
      command: 'eval "$(ssh-agent)" && ssh-add',
      why: "no agent answers",
      then: "portwright up, from the same terminal",
    },
  ],
  ssh_authentication_failed: (fact) => [
    { do: "run", command: sshCommand(fact), why: "shows which logins the server takes" },
  ],
  ssh_certificate_expired: (fact) => [
    {
      do: "login",
      what: `have the SSH certificate ${fact("certificate_expired") ?? ""} signed again`.replace("  ", " "),
      why: "it has expired",
      then: comesBack,
    },
  ],
  credentials_expired: (fact) => [
    {
      do: "login",
      ...(fact("login") !== undefined && { command: fact("login") as string }),
      what: `log in to context ${fact("context") ?? ""}`.trim(),
      why: "its credentials have expired",
      then: comesBack,
    },
  ],
  credentials_rejected: (fact) => [
    {
      do: "login",
      what: `log in to context ${fact("context") ?? ""}`.trim(),
      why: "the cluster does not take the credentials",
      then: comesBack,
    },
  ],
  credential_plugin_missing: (fact) => [
    {
      do: "run",
      command: fact("install_hint") ?? `command -v ${shellWord(fact("command") ?? "PLUGIN")}`,
      why: "the kubeconfig's credential plugin is not on the PATH",
    },
  ],
  kubeconfig_missing: (fact) => [
    {
      do: "run",
      command: "export KUBECONFIG=PATH && portwright up",
      why: `there is none at ${fact("files") ?? "its usual place"}`,
      then: comesBack,
    },
  ],
  kubeconfig_invalid: (fact) => [
    {
      do: "edit",
      where: fact("file") ?? fact("files") ?? "the kubeconfig",
      what: "a kubeconfig that kubectl can read, or set KUBECONFIG to one",
      why: "it cannot be used as it is",
      then: comesBack,
    },
  ],
  context_missing: (fact) => [
    {
      do: "edit",
      where: "connection.context of the service",
      what: fact("nearest") ?? "a context of the kubeconfig",
      why: `there is no context ${fact("context") ?? ""}`.trim(),
    },
  ],
  permission_denied: (fact) => [
    {
      do: "ask",
      what: `an administrator for ${fact("verb") ?? "create"} on ${fact("resource") ?? "pods/portforward"}${fact("namespace") === undefined ? "" : ` in ${fact("namespace")}`}`,
      why: "the account may not do it",
      changes: "the shared cluster's access rules",
    },
  ],
  scaled_to_zero: (fact) => [
    {
      do: "run",
      command: kubectl(fact, `scale ${shellWord(fact("workload") ?? "deployment/NAME")} --replicas 1`),
      why: "no pod is asked for",
      changes: "the shared cluster",
      then: comesBack,
    },
  ],
  image_pull_failed: (fact) => [
    {
      do: "edit",
      where: `container ${fact("container") ?? ""} of ${fact("workload") ?? "the workload"}`.replaceAll("  ", " "),
      what: "an image that exists and that the cluster may pull",
      why: `${fact("image") ?? "the image"} cannot be pulled`,
      changes: "the shared cluster",
    },
  ],
  container_crashing: (fact) => [
    {
      do: "run",
      command: kubectl(fact, `logs ${shellWord(fact("pod") ?? "POD")} --previous`),
      why: "the last words of the container that ended",
    },
  ],
  container_oom_killed: (fact) => [
    {
      do: "edit",
      where: `container ${fact("container") ?? ""} of ${fact("workload") ?? "the workload"}`.replaceAll("  ", " "),
      what: "a higher resources.limits.memory",
      why: `it is killed at ${fact("limit") ?? "its limit"}`,
      changes: "the shared cluster",
    },
  ],
};

/** Back to the version before, where the trouble came with a rollout. */
const undo = (fact: Fact): Remedy[] => {
  const workload = fact("workload");
  if (fact("rolled_out") === undefined || workload?.startsWith("deployment/") !== true) return [];
  return [
    {
      do: "run",
      command: kubectl(fact, `rollout undo ${shellWord(workload)}`),
      why: "back to the version before the last rollout",
      changes: "the shared cluster",
      then: comesBack,
    },
  ];
};

/** What a person can do about a failure, safest first; empty when there is nothing but waiting or asking `diagnose`. */
export function remediesFor(failure: Failure): Remedy[] {
  const fact: Fact = (name) => {
    const value = failure.facts?.[name];
    return value === undefined ? undefined : String(value);
  };
  return [...undo(fact), ...(remedyByCode[failure.code]?.(fact) ?? [])];
}
