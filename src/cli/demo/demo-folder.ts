import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bastion } from "./bastion.ts";

export interface DemoFolder {
  /** `PORTWRIGHT_HOME` of everything that the demo starts: nothing of the person's own is read or touched. */
  readonly home: string;
  readonly config: string;
  remove(): Promise<void>;
}

type ServiceName = "web" | "api" | "cache";

/** What the shop's services have behind the bastion: names and ports that are real only there. */
const privateNetwork: Readonly<Record<ServiceName, { readonly host: string; readonly port: number }>> = {
  cache: { host: "cache.shop.internal", port: 6379 },
  api: { host: "api.shop.internal", port: 8080 },
  web: { host: "web.shop.internal", port: 80 },
};

/** The service at an address behind the bastion. */
export function serviceAt(host: string, port: number): ServiceName | undefined {
  const names = Object.keys(privateNetwork) as ServiceName[];
  return names.find((name) => privateNetwork[name].host === host && privateNetwork[name].port === port);
}

/** A temporary folder (0700) with the shop's configuration, the bastion's host key and the user's key (0600). */
export async function makeDemoFolder(bastion: Bastion): Promise<DemoFolder> {
  // Short, as the path of a Unix socket below it must be.
  const home = await mkdtemp(join(tmpdir(), "pw-demo-"));
  const workspace = join(home, "shop");
  const keyFile = join(workspace, "id_ed25519");
  const knownHosts = join(workspace, "known_hosts");
  const config = join(workspace, "portwright.yaml");
  await mkdir(workspace, { mode: 0o700 });
  await writeFile(keyFile, bastion.clientKey, { mode: 0o600 });
  await writeFile(knownHosts, `${bastion.knownHostsLine}\n`, { mode: 0o600 });
  await writeFile(config, configuration(bastion, keyFile, knownHosts), { mode: 0o600 });
  return { home, config, remove: () => rm(home, { recursive: true, force: true }) };
}

function configuration(bastion: Bastion, keyFile: string, knownHosts: string): string {
  const server = `host: 127.0.0.1, port: ${bastion.port}, user: ${bastion.user}`;
  const keys = `key_file: ${JSON.stringify(keyFile)}, known_hosts_file: ${JSON.stringify(knownHosts)}`;
  const connection = (service: ServiceName): string => `    technology: ssh
    remote_port: ${privateNetwork[service].port}
    connection: {${server}, ${keys}, remote_host: ${privateNetwork[service].host}}`;
  return `version: "1.0"
services:
  - name: cache
${connection("cache")}
    health_check: {type: redis, interval: 1s, failure_threshold: 1}
    exports: {REDIS_URL: "redis://\${host}:\${port}"}
  - name: api
${connection("api")}
    depends_on: [cache]
    health_check: {type: http, interval: 1s, failure_threshold: 1}
    exports: {API_URL: "http://\${host}:\${port}"}
  - name: web
${connection("web")}
    depends_on: [api]
    health_check: {type: http, interval: 1s, failure_threshold: 1}
    exports: {SHOP_URL: "http://\${host}:\${port}"}
environments:
  - {name: shop, services: [web, api, cache], default: true}
`;
}
