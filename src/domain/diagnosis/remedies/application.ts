import { comesBack, look, sshCommand, type FactText, type Remedies, type Remedy } from "./words.ts";

const sshProtocol = (fact: FactText): Remedy[] =>
  fact("server") === undefined
    ? [
        {
          do: "edit",
          where: `connection.host and connection.port of the service${fact("hop") === undefined ? "" : `, or of the hop ${fact("hop")}`}`,
          what: "the address of an SSH server",
          why: "what listens there is none",
        },
      ]
    : [
        look(
          sshCommand(fact, "-v true"),
          "which algorithms both sides offer; the server's administrator has to allow a newer one",
        ),
      ];

/** What answers at the end of the way. */
export const applicationRemedies: Remedies = {
  protocol_mismatch: (fact) => {
    if (fact("layer") === "ssh") return sshProtocol(fact);
    if (fact("setting") === "sslmode" || fact("setting") === "tls")
      return [
        {
          do: "edit",
          where: `health_check.config.${fact("setting")} of the service`,
          what: fact("setting") === "tls" ? "false" : "disable or prefer, or TLS at the server",
          why: "the target answers without TLS",
        },
      ];
    return [
      {
        do: "edit",
        where: "health_check.type or remote_port of the service",
        what:
          fact("looks_like") === undefined
            ? "the protocol that the target speaks"
            : `it seems to be ${fact("looks_like")}`,
        why: `it does not speak ${fact("expected") ?? "the check's protocol"}`,
      },
    ];
  },
  check_path_missing: () => [
    {
      do: "edit",
      where: "health_check.config.path of the service",
      what: "a page that the application has",
      why: "it answers, and has nothing there",
    },
  ],
  application_auth_failed: (fact) =>
    fact("wants") === undefined
      ? [
          {
            do: "edit",
            where: "user and password of health_check.config, or the variable that they come from",
            what: "credentials that the application takes",
            why: "it refused those that are there",
            then: comesBack,
          },
        ]
      : [
          {
            do: "edit",
            where: "health_check.type of the service",
            what: "tcp, or a command check with a program that has the client certificate",
            why: "the target lets in only who shows one, and a check has none; your own client may",
          },
        ],
  database_missing: (fact) => [
    {
      do: "edit",
      where: "health_check.config.database of the service",
      what: "a database that is there",
      why: `${fact("database") ?? "the one that is named"} is not`,
      then: comesBack,
    },
  ],
  too_many_connections: () => [
    {
      do: "ask",
      what: "who holds the connections, and close what nobody needs (or raise the server's limit)",
      why: "it takes no further ones",
      then: comesBack,
    },
  ],
  application_slow: () => [
    {
      do: "edit",
      where: "health_check.timeout of the service",
      what: "a longer time, if the application may take it",
      why: "its answer was not complete in time",
    },
  ],
  application_unhealthy: () => [
    {
      do: "ask",
      what: "whoever runs the application, with the status and text that it answered",
      why: "the connection works; the application says that it does not",
    },
  ],
  redirect_loop: () => [
    {
      do: "edit",
      where: "health_check.config.path of the service, or the application's redirects",
      what: "a page that answers by itself",
      why: "it redirects in a circle",
    },
  ],
  certificate_expired: () => [
    {
      do: "ask",
      what: "whoever runs the application to renew its certificate, and look at this machine's clock",
      why: "it is out of its time",
      then: comesBack,
    },
  ],
  certificate_expiring: () => [
    { do: "ask", what: "whoever runs the application to renew its certificate", why: "it ends soon" },
  ],
  certificate_name_mismatch: () => [
    {
      do: "edit",
      where: "health_check.config.host of the service",
      what: "a name that the certificate has",
      why: "it is for another name",
    },
  ],
  certificate_untrusted: () => [
    {
      do: "edit",
      where: "health_check.config of the service, or the variable NODE_EXTRA_CA_CERTS",
      what: "the authority of the certificate, or verify_ssl: false where that is meant",
      why: "its authority is not known here",
    },
  ],
  flapping: (fact) => [
    look(
      `portwright call get_history '{"service": "${/^[\w.-]+$/.test(fact("service") ?? "") ? fact("service") : "NAME"}", "since": "1h"}'`,
      "when it came and went",
    ),
  ],
};
