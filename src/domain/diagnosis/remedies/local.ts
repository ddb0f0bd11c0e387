import { comesBack, look, type FactText, type Remedies, type Remedy } from "./words.ts";

/** What to do about a local end that something else has. */
function taken(fact: FactText): Remedy {
  const [socket, port, pid] = [fact("socket"), fact("port"), fact("pid")];
  if (pid !== undefined) {
    const why = `${fact("program") ?? "a process"} holds ${socket ?? `port ${port}`}`;
    return { do: "run", command: `kill ${pid}`, why, changes: "ends that process" };
  }
  return socket === undefined
    ? {
        do: "edit",
        where: "local_port of the service",
        what: "another port, or 0 for a free one",
        why: `port ${port} is taken`,
      }
    : {
        do: "edit",
        where: "listen of the service",
        what: "the path of a socket that is not there yet",
        why: `${socket} is taken`,
      };
}

/** This machine: its files, ports and network. */
export const localRemedies: Remedies = {
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
  local_port_in_use: (fact) => [taken(fact)],
  local_port_privileged: (fact) => [
    {
      do: "edit",
      where: "local_port of the service",
      what: "a port from 1024 up, or 0 for a free one",
      why: `port ${fact("port")} is for root`,
    },
  ],
  service_disabled: (fact) => [
    {
      do: "edit",
      where: `service ${fact("service") ?? ""}`.trim(),
      what: "enabled: true, or no such line",
      why: "it is switched off",
    },
  ],
  duplicate_local_port: () => [
    {
      do: "edit",
      where: "local_port of one of the services",
      what: "another port, or 0 for a free one",
      why: "two services cannot have one port",
    },
  ],
  local_address_unavailable: (fact) => [
    fact("socket") === undefined
      ? { do: "edit", where: "listen of the service", what: "127.0.0.1", why: "the address is not one of this machine" }
      : {
          do: "edit",
          where: "listen of the service",
          what: "a short path in a folder that is there and that you may write to",
          why: `no socket can be made at ${fact("socket")}`,
        },
  ],
  too_many_open_files: () => [
    look("ulimit -n", "how many files a program may open; raise it and start the daemon again"),
  ],
  offline: () => [
    { do: "ask", what: "to connect this machine to a network", why: "no interface has an address", then: comesBack },
  ],
  connection_lost: () => [],
};
