import { comesBack, shellWord, type RemedyByCode } from "./remedy.ts";

/** What a person can do about a cluster that is another one, behind a proxy, or wants a login. */
export const clusterRemedies: RemedyByCode = {
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
  proxy_refused: (fact) => [
    {
      do: "edit",
      where:
        fact("named_by") === "proxy-url"
          ? "proxy-url of the cluster in the kubeconfig"
          : (fact("named_by") ?? "the proxy"),
      what:
        fact("reason") === "login" ? "the proxy's login, or none" : "the address of a proxy that lets through, or none",
      why: `${fact("proxy") ?? "the proxy"} refuses`,
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
};
