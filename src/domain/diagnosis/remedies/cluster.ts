import { comesBack, kubectl, look, shellWord, type FactText, type Remedies } from "./words.ts";

/** The way to a cluster: kubeconfig, network, certificates, login, permissions. */
export const clusterRemedies: Remedies = {
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
  credential_plugin_failed: (fact) => [
    {
      do: "login",
      ...(fact("login") !== undefined && { command: fact("login") as string }),
      what: `log in to context ${fact("context") ?? ""}`.trim(),
      why: `the kubeconfig's credential plugin ${fact("command") ?? ""} gives no credential`.replaceAll("  ", " "),
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
  context_changed: (fact) => [
    {
      do: "ask",
      what: `whether context ${fact("context") ?? ""} is meant to lead to ${fact("server") ?? "another cluster"} now`,
      why: `it led to ${fact("server_before") ?? "another one"} when it was used here first`,
    },
    {
      do: "run",
      command: `portwright context accept ${shellWord(fact("context") ?? "CONTEXT")}`,
      why: "if it is meant so: the next start takes the cluster that is there now",
      then: "portwright up",
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
  cluster_unreachable: (fact) => [
    look(
      `${kubectl(onlyContext(fact), "version")} --request-timeout 5s`,
      "whether kubectl reaches the API server; check VPN, proxy and the address in the kubeconfig",
    ),
  ],
  proxy_refused: (fact) => [
    {
      do: "edit",
      where: fact("proxy_named_by") ?? fact("named_by") ?? "proxy-url or HTTPS_PROXY",
      what: "a proxy that lets through to the API server, or an exception in NO_PROXY",
      why: "the proxy refused",
    },
  ],
  cluster_tls_untrusted: (fact) => [
    {
      do: "edit",
      where: "certificate-authority-data of the cluster in the kubeconfig",
      what: "the authority that signed the API server's certificate",
      why: `the certificate of ${fact("server") ?? "the API server"} is not of the one that is there`,
      then: comesBack,
    },
  ],
  cluster_certificate_expired: (fact) => [
    {
      do: "ask",
      what: `an administrator to renew the certificate of ${fact("server") ?? "the API server"}, and look at this machine's clock`,
      why: "it is out of its time",
      changes: "the shared cluster",
    },
  ],
  forward_refused: (fact) => [
    look(
      kubectl(fact, `auth can-i create pods/portforward`),
      "whether a forward is allowed; a gateway in between may not let WebSockets through",
    ),
  ],
};

const onlyContext =
  (fact: FactText): FactText =>
  (name) =>
    name === "namespace" ? undefined : fact(name);
