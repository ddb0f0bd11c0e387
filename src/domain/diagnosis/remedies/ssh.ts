import { comesBack, look, shellWord, sshCommand, type FactText, type Remedies, type Remedy } from "./words.ts";

/** A person answers the server's prompts, at a terminal only. */
const typed = (fact: FactText, why: string): Remedy => ({
  do: "login",
  command: fact("login_command") ?? `portwright ssh login ${shellWord(fact("host") ?? "HOST")}`,
  what: "log in once at a terminal",
  why,
  then: comesBack,
});

/** What an administrator has to allow, with the names of `sshd_config`. */
const allowance = (fact: FactText): string => {
  const target = fact("target");
  if (fact("direction") === "remote")
    return `to let ${fact("user") ?? "you"} listen on ${fact("socket") ?? "a port"} there (AllowTcpForwarding, PermitListen)`;
  return fact("direction") === "dynamic"
    ? "to allow TCP forwarding (AllowTcpForwarding, PermitOpen)"
    : `to allow TCP forwarding to ${target ?? "the target"} (AllowTcpForwarding, PermitOpen)`;
};

/** Whether the target takes connections, asked where the SSH server runs. */
const lookThere = (fact: FactText): string => {
  const target = fact("target") ?? "";
  const [, host, port] = /^(.+):(\d+)$/.exec(target) ?? [];
  if (fact("local") === "true")
    return host === undefined ? `ls -l ${shellWord(target)}` : `nc -vz ${shellWord(host)} ${port}`;
  if (port !== undefined) return sshCommand(fact, `nc -vz ${shellWord(host ?? "")} ${port}`);
  // What follows the host goes through a shell there, too.
  return sshCommand(fact, target.startsWith("/") ? shellWord(`ls -l ${shellWord(target)}`) : "ss -ltn");
};

/** SSH servers and what is behind them. */
export const sshRemedies: Remedies = {
  host_key_unknown: (fact) => [
    ...(fact("unreadable_files") === undefined
      ? []
      : [
          look(
            `ls -l ${shellWord(fact("known_hosts_file") ?? "~/.ssh/known_hosts")}`,
            "it cannot be read, and the host may be known there",
          ),
        ]),
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
      ...(fact("trust_command") !== undefined && {
        then: `only if it was: take line ${fact("known_hosts_line") ?? "of the host"} out of ${fact("known_hosts_file") ?? "known_hosts"}, and ${fact("trust_command")}`,
      }),
    },
  ],
  ssh_key_missing: (fact) => [
    {
      do: "edit",
      where: "connection.key_file of the service",
      what: "the path of an existing key",
      why:
        fact("key_file") === undefined
          ? "none of the usual key files is there, and no agent has a key"
          : `${fact("key_file")} is not there`,
    },
    // Nothing at all was found to log in with.
    ...(fact("agent") === undefined ? [] : [typed(fact, "a server that takes what is typed needs no key")]),
  ],
  ssh_key_passphrase_required: (fact) => [
    {
      do: "run",
      command: `ssh-add ${shellWord(fact("key_file") ?? "KEY")}`,
      why: "the key is encrypted; the agent keeps it open",
      then: comesBack,
    },
  ],
  ssh_agent_unavailable: (fact) => [
    fact("named_by") === "IdentityAgent"
      ? look(
          `SSH_AUTH_SOCK=${shellWord(fact("socket") ?? "SOCKET")} ssh-add -l`,
          "whether the agent runs and holds the key",
        )
      : {
          do: "run",
          command: 'eval "$(ssh-agent)" && ssh-add',
          why: "no agent answers",
          then: "portwright up, from the same terminal",
        },
  ],
  ssh_authentication_failed: (fact) => [
    ...(fact("too_many_attempts") === undefined
      ? []
      : [
          {
            do: "edit" as const,
            where: "connection.key_file of the service, or IdentityFile with IdentitiesOnly yes in ~/.ssh/config",
            what: "the one key that the server knows",
            why: "the server gives up before the right key is offered",
            then: comesBack,
          },
        ]),
    { do: "run", command: sshCommand(fact), why: "shows which logins the server takes" },
    ...(/password|keyboard/.test(fact("offered_by_server") ?? "") ? [typed(fact, "it takes what is typed, too")] : []),
  ],
  ssh_login_required: (fact) => [typed(fact, "the server asks for what only a person types, such as a one-time code")],
  ssh_certificate_expired: (fact) => [
    {
      do: "login",
      what: `have the SSH certificate ${fact("certificate_expired") ?? ""} signed again`.replace("  ", " "),
      why: "it has expired",
      then: comesBack,
    },
  ],
  host_unresolved: (fact) => [
    {
      do: "edit",
      where: "connection.host of the service, or HostName in ~/.ssh/config",
      what: "a name that resolves",
      why: `${fact("host") ?? "it"} does not; a VPN may be needed`,
      then: comesBack,
    },
  ],
  host_unreachable: (fact) => [
    look(
      sshCommand(fact),
      fact("closed_by_server") === "true"
        ? "whether ssh is let in; else it is full (MaxStartups), refuses this address, or nothing is behind a proxy there"
        : "whether ssh reaches it; check address, port, VPN and firewall",
    ),
  ],
  ssh_key_unreadable: (fact) => [
    look(`ssh-keygen -y -f ${shellWord(fact("key_file") ?? "KEY")}`, "whether OpenSSH can read the key"),
  ],
  ssh_jump_failed: (fact) => [look(sshCommand(fact), "whether the hop can be logged in to")],
  ssh_forwarding_prohibited: (fact) => [
    ...(fact("privileged") === "true"
      ? [
          {
            do: "edit" as const,
            where: "remote_port of the service",
            what: "a port from 1024 up, or 0 for one that the server chooses",
            why: "lower ones are root's",
          },
        ]
      : []),
    {
      do: "ask",
      what: `the administrator of ${fact("host") ?? "the SSH server"} ${allowance(fact)}`,
      why: "the server refuses it",
      changes: "the server's sshd_config",
      then: comesBack,
    },
  ],
  ssh_session_limit: (fact) => [
    {
      do: "ask",
      what: `the administrator of ${fact("host") ?? "the SSH server"} for more logins (MaxStartups, MaxSessions), or end some`,
      why: "it has no room",
      then: comesBack,
    },
  ],
  remote_port_in_use: (fact) => [look(sshCommand(fact, "ss -ltn"), "who holds the port on the server")],
  target_unreachable: (fact) => [
    fact("pod") === undefined
      ? look(
          lookThere(fact),
          fact("local") === "true"
            ? "whether the target listens on this machine"
            : "whether the target listens, seen from the SSH server",
        )
      : look(`kubectl logs ${shellWord(fact("pod") ?? "")} --tail 20`, "why it resets connections"),
  ],
};
