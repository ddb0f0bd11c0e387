import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { KubernetesService } from "#domain/spec/service.ts";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { interfaces, lookAtTls, lookUpName, reachPort } from "#adapters/net/facts/reach.ts";
import { isAllowed } from "../api/access-review.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { wayTo, type ServerWay } from "../api/server-way.ts";
import type { Clusters } from "../clusters.ts";
import { resolveContext } from "../config/cluster-context.ts";
import { ask, type Tell } from "./cluster-reader.ts";
import type { Gathering } from "./kubernetes-facts.ts";

export interface ConnectionQuestion {
  readonly clusters: Clusters;
  readonly service: KubernetesService;
  readonly access: Access;
  readonly signal: AbortSignal;
  readonly tell: Tell;
  readonly route: Route | undefined;
}

/** Making credentials (a plugin) and being let in take no longer than this while somebody waits for a diagnosis. */
const authenticationMs = 4000;

/** From the kubeconfig to the API server. @returns the API when it lets us in */
export async function askConnection(question: ConnectionQuestion): Promise<ClusterApi | undefined> {
  const { clusters, access, signal, tell, service } = question;
  const { clock } = clusters;
  const to = { clock, tell };
  const { context } = service.connection;
  let way: ServerWay | undefined;
  const server = await ask(to, "kubeconfig", "credentials", "kubeconfig", async () => {
    const resolved = resolveContext(await clusters.kubeconfig(access), context);
    way = wayTo(resolved, access, question.route);
    const plugin = resolved.user.exec?.command;
    return {
      yes: true,
      data: {
        context: resolved.name,
        server: resolved.server.href,
        user: resolved.userName,
        ...(plugin !== undefined && { plugin }),
      },
    };
  });
  if (server === undefined) return undefined;
  const { protocol, hostname, port } = new URL(server.server);
  const straight = {
    host: hostname.replaceAll(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    encrypted: protocol === "https:",
  };
  const proxy = way?.proxy;
  if (proxy !== undefined) {
    const data = { host: proxy.host, port: proxy.port, namedBy: proxy.namedBy };
    await ask(to, "proxy", "cluster", proxy.namedBy, () => Promise.resolve({ yes: true, data }));
  }
  const first = proxy === undefined ? straight : { ...proxy, encrypted: proxy.kind === "https" };
  const [api] = await Promise.all([
    authenticate(question),
    // Hops are looked at by what they say themselves.
    question.route === undefined ? askNetwork(to, first.host, first.port, first.encrypted, signal) : undefined,
  ]);
  return api;
}

/** Name, TCP and TLS beside each other's answers, as far as each makes sense. */
async function askNetwork(
  to: { readonly clock: Clusters["clock"]; readonly tell: Tell },
  host: string,
  port: number,
  encrypted: boolean,
  signal: AbortSignal,
): Promise<void> {
  const source = `${host}:${port}`;
  await ask(to, "interfaces", "network", "this machine", () => {
    const data = interfaces();
    return Promise.resolve({ yes: data.count > 0, data });
  });
  const name = await ask(to, "name", "cluster", "name resolution", async () => {
    const data = await lookUpName(host, signal);
    return { yes: data.addresses.length > 0, data };
  });
  if (name === undefined || name.addresses.length === 0) return;
  const tcp = await ask(to, "tcp", "cluster", source, async () => {
    const data = await reachPort(host, port, signal);
    return { yes: data.errno === undefined, data };
  });
  if (tcp?.errno !== undefined || !encrypted) return;
  await ask(to, "tls", "cluster", source, async () => {
    // Whether the authority is the kubeconfig's is the dial's to say; here it is who answers, and until when.
    const data = await lookAtTls(host, port, {}, signal);
    return { yes: data.notAfterMs !== undefined, data };
  });
}

/** Asks for what everybody may ask. @returns the API when the server knows us */
async function authenticate(question: ConnectionQuestion): Promise<ClusterApi | undefined> {
  const { clusters, access, signal, tell, service } = question;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(authenticationMs)]);
  let api: ClusterApi | undefined;
  let let_in = false;
  await ask({ clock: clusters.clock, tell }, "authentication", "credentials", "API server", async () => {
    api = await clusters.api(access, service.connection.context, question.route);
    const user = api.context.userName;
    try {
      await api.json({
        method: "POST",
        path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
        subject: { verb: "create", resource: "selfsubjectreviews" },
        access,
        signal: limit,
      });
      let_in = true;
      return { yes: true, data: { user } };
    } catch (thrown) {
      if (limit.aborted) return { yes: false, data: { user, hangs: true } };
      const { code } = toConnectivityError(thrown);
      // Older servers have no such review, and some forbid it: both know who asked.
      let_in = code === "permission_denied" || code === "resource_missing" || code === "forward_refused";
      return { yes: let_in, data: { user, code } };
    }
  });
  return let_in ? api : undefined;
}

/** What a forward and a diagnosis need, each asked of the server itself. */
export async function askPermission(
  { service, reader, clock, tell }: Gathering,
  access: Access,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = service.connection;
  const wanted = [
    ["get", "pods", "portforward"],
    ["create", "pods", "portforward"],
    ["list", "pods", undefined],
    ["watch", "pods", undefined],
    ["get", "services", undefined],
  ] as const;
  await Promise.all(
    wanted.map(([verb, resource, subresource]) =>
      ask({ clock, tell }, "permission", "credentials", "API server", async () => {
        const action = { verb, resource, namespace, ...(subresource !== undefined && { subresource }) };
        const yes = await isAllowed(reader.api, action, access, signal);
        const named = subresource === undefined ? resource : `${resource}/${subresource}`;
        return { yes, data: { verb, resource: named, namespace } };
      }),
    ),
  );
}

/** Whether an error says that the object is not there. */
export const isMissing = (thrown: unknown): boolean =>
  thrown instanceof ConnectivityError && thrown.code === "resource_missing";
