/**
 * Our SSH forward alone, as a process of its own: `node ssh-entry.ts SETTINGS`, JSON. Prints the port that it listens on
 * and which crypto it runs.
 */
import Module from "node:module";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { serviceSchema } from "#domain/spec/service.ts";

interface Settings {
  /** Of the SSH servers, each with its own connection; a local port for each. */
  readonly connections: readonly Record<string, unknown>[];
  readonly targetPort: number;
  /** As on a machine where the addon of ssh2 is not built. */
  readonly javascript: boolean;
  /** Relays clients that the driver would have carried by OpenSSH itself. */
  readonly relayed?: boolean;
}

const { connections, targetPort, javascript, relayed = false } = JSON.parse(process.argv[2] ?? "") as Settings;
if (javascript) {
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const load = loader._load;
  loader._load = (request, ...rest) => {
    if (request.endsWith("sshcrypto.node")) throw new Error("not built");
    return load.call(loader, request, ...rest);
  };
}
const { createSshDriver } = await import("#adapters/ssh/index.ts");
const driver = createSshDriver();
const listeners = createLocalListeners({
  clock: createSystemClock(),
  portOwners: { find: () => Promise.resolve(undefined) },
});
const { signal } = new AbortController();
const access = {
  env: () => undefined,
  environment: () => ({}),
  homeDir: "/nonexistent",
  workspaceDir: "/nonexistent",
  resolve: (template: string) => Promise.resolve(template),
};
const ports: number[] = [];
let crypto: unknown;
for (const connection of connections) {
  const service = serviceSchema.parse({ name: "bench", technology: "ssh", remote_port: targetPort, connection });
  const transport = await driver.open(service, { signal, access });
  void transport.closed.then((cause) => cause && console.error(cause));
  crypto = transport.facts()["crypto"];
  const listener = await listeners.listen("127.0.0.1", 0, (local) => {
    // As the engine does: the client is looked after until the target is there.
    const gone = new AbortController();
    const client = !relayed && transport.takesClients === true ? local.socket?.() : undefined;
    if (!client) local.onGone(() => gone.abort());
    transport.connect({ signal: gone.signal, ...(client && { client }) }).then(
      (stream) => local.relay(stream),
      (error: unknown) => {
        console.error(error);
        local.reset();
      },
    );
  });
  ports.push(listener.port);
}
console.log(JSON.stringify({ ports, crypto }));
