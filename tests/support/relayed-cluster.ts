import { readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { CuttableRelay } from "./cuttable-relay.ts";

/** A copy of a kubeconfig whose API server is reached through a relay of our own, since the testbed's is everybody's. */
export async function relayedCluster(
  kubeconfig: string,
  folder: string,
): Promise<{ readonly relay: CuttableRelay; readonly file: string }> {
  const config = parse(await readFile(kubeconfig, "utf8")) as {
    clusters: { cluster: { server: string; "tls-server-name"?: string } }[];
  };
  const server = new URL(config.clusters[0]?.cluster.server ?? "");
  const relay = await CuttableRelay.start({ host: server.hostname, port: Number(server.port || 443) });
  for (const { cluster } of config.clusters) {
    cluster.server = `https://127.0.0.1:${relay.port}`;
    if (isIP(server.hostname) === 0) cluster["tls-server-name"] ??= server.hostname;
  }
  const file = join(folder, "relayed-kubeconfig");
  await writeFile(file, stringify(config));
  return { relay, file };
}
