import { comesBack, look, shellWord, sshCommand, type FactText, type Remedies, type Remedy } from "./words.ts";

/** A person answers the server's prompts, at a terminal only. */
const typed = (fact: FactText, why: string): Remedy => ({
  do: "login",
  command: fact("login_command") ?? `portwright ssh login ${shellWord(fact("host") ?? "HOST")}`,
  what: "log in once at a terminal",
  why,
  then: comesBack,
});

/** SSH servers and what is behind them. */
export const sshRemedies: Remedies = {
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
  ssh_jump_failed: (fact) => [
    look(
      sshCommand((name) =>
        name === "host" ? (fact("hop") ?? fact("host")) : name === "user" || name === "port" ? undefined : fact(name),
      ),
      "whether the hop can be logged in to",
    ),
  ],
  ssh_forwarding_prohibited: (fact) => [
    {
      do: "ask",
      what: `the administrator of ${fact("host") ?? "the SSH server"} to allow TCP forwarding to ${fact("target") ?? "the target"} (AllowTcpForwarding, PermitOpen)`,
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
  target_unreachable: (fact) => {
    const [, host, port] = /^(.+):(\d+)$/.exec(fact("target") ?? "") ?? [];
    const there = port === undefined ? "ss -ltn" : `nc -vz ${shellWord(host ?? "")} ${port}`;
    return fact("pod") === undefined
      ? [look(sshCommand(fact, there), "whether the target listens, seen from the SSH server")]
      : [look(`kubectl logs ${shellWord(fact("pod") ?? "")} --tail 20`, "why it resets connections")];
  },
};
