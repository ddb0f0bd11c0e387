/**
 * Our transport and relay alone, with one protocol forced: `node transport-entry.ts PROTOCOL NAMESPACE POD PORT…` prints
 * the local ports as JSON. The kubeconfig is `KUBECONFIG`'s.
 */
import { Clusters } from "#adapters/kubernetes/clusters.ts";
import { dialTunnel } from "#adapters/kubernetes/wire/dial-tunnel.ts";
import { TunnelPool } from "#adapters/kubernetes/wire/tunnel-pool.ts";
import type { TunnelProtocol } from "#adapters/kubernetes/wire/tunnel-protocol.ts";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";

const [protocol = "websocket", namespace = "default", pod = "", ...ports] = process.argv.slice(2);
const clock = createSystemClock();
const access = {
  env: (name: string) => process.env[name],
  environment: () => process.env as Record<string, string>,
  homeDir: process.env["HOME"] ?? "/",
  workspaceDir: process.cwd(),
  resolve: (template: string) => Promise.resolve(template),
};
const listeners = createLocalListeners({ clock, portOwners: { find: () => Promise.resolve(undefined) } });
const api = await new Clusters(clock).api(access);
const never = new AbortController().signal;

const locals: number[] = [];
for (const text of ports) {
  const port = Number(text);
  const dial = (signal: AbortSignal) =>
    dialTunnel({ api, namespace, pod, access, clock, signal, among: [protocol as TunnelProtocol] });
  const pool = new TunnelPool(await dial(never), { clock, dial, onLost: (cause) => console.error(cause) });
  const target = { namespace, pod, port, endCuts: true };
  const listener = await listeners.listen("127.0.0.1", 0, (accepted) => {
    const gone = new AbortController();
    accepted.onGone(() => gone.abort());
    pool.open(target, gone.signal).then(
      (stream) => void accepted.relay(stream),
      () => accepted.reset(),
    );
  });
  locals.push(listener.port);
}
console.log(JSON.stringify(locals));
