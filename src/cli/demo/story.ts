import net from "node:net";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { httpGet } from "./http-get.ts";
import type { McpClient, ToolAnswer } from "./mcp-client.ts";
import type { Narrator } from "./narrator.ts";
import type { Shop } from "./shop.ts";

type Row = Readonly<Record<string, unknown>>;

const pollMs = 100;
const patienceMs = 10_000;
const environment = "shop";

/** Starts the shop's environment, breaks it, asks why, heals it. Everything that it prints is an answer or was measured. */
export async function tellStory(client: McpClient, shop: Shop, narrator: Narrator): Promise<void> {
  narrator.step(`start_environment {"environment": "${environment}"}`);
  const started = await client.call("start_environment", { environment });
  const services = rows(started["services"]);
  narrator.line(text(started["summary"]));
  narrator.table(
    ["SERVICE", "STATE", "ENDPOINT", "VERIFIED BY", "TOOK", "VIA"],
    services.map((row) => {
      const verified = row["verified"] as Row | undefined;
      const took = verified ? `${text(verified["ms"])} ms` : "";
      return [
        text(row["service"]),
        text(row["state"]),
        text(row["endpoint"]),
        text(verified?.["by"]),
        took,
        text(row["via"]),
      ];
    }),
  );
  for (const { name, value } of rows(started["env"])) narrator.line(`${text(name)}=${text(value)}`);
  if (started["state"] !== "ready") throw failed("the shop did not become ready");
  const page = text(services.find(({ service }) => service === "web")?.["endpoint"]);

  narrator.step("A request through the local port, the bastion, web, API and cache");
  await request(page, 200, narrator);

  narrator.step("The API breaks: from now on it answers 500");
  shop.breakApi();
  const brokenMs = performance.now();
  await request(page, 502, narrator);
  const broken = await statusWhen(client, (status) =>
    rows(status["not_ready"]).some(({ service }) => service === "api"),
  );
  narrator.line(`get_status ${since(brokenMs)} after the break: ${text(broken["summary"])}`);
  narrator.table(
    ["SERVICE", "STATE", "CODE", "WHAT FAILED"],
    rows(broken["not_ready"]).map((row) => ["service", "state", "code", "message"].map((key) => text(row[key]))),
  );

  narrator.step('diagnose {"service": "web"}');
  await explain(client, narrator);

  narrator.step("The API heals");
  shop.healApi();
  const healedMs = performance.now();
  const healed = await statusWhen(client, (status) => status["state"] === "ready");
  narrator.line(`get_status ${since(healedMs)} later: ${text(healed["summary"])}`);
  await request(page, 200, narrator);
}

/** Stops the environment, and looks whether its local ports are closed. */
export async function endStory(client: McpClient, narrator: Narrator): Promise<void> {
  const { ready } = await client.call("get_status", { environment });
  const { columns, rows: table } = ready as {
    readonly columns: readonly string[];
    readonly rows: readonly unknown[][];
  };
  const ports = table.map((row) => Number(row[columns.indexOf("port")]));
  narrator.step(`stop_environment {"environment": "${environment}"}`);
  narrator.line(text((await client.call("stop_environment", { environment }))["summary"]));
  const open = await Promise.all(ports.map((port) => isOpen(port)));
  if (open.includes(true)) throw failed("a local port is still open");
  narrator.line(`connecting to 127.0.0.1 is refused on ${ports.join(", ")}`);
}

async function explain(client: McpClient, narrator: Narrator): Promise<void> {
  const startedMs = performance.now();
  const diagnosis = await client.call("diagnose", { service: "web" });
  const took = since(startedMs);
  const root = diagnosis["root_cause"] as Row | undefined;
  if (!root) throw failed("diagnose found no cause");
  narrator.line(text(diagnosis["summary"]));
  narrator.table(
    ["ROOT CAUSE", "SERVICE", "RUNG", "SIDE", "CONFIDENCE", "FOUND IN"],
    [
      [
        ...["code", "service", "rung"].map((key) => text(root[key])),
        text(diagnosis["side"]),
        text(root["confidence"]),
        took,
      ],
    ],
  );
  for (const { fact, value, source } of rows(root["evidence"])) {
    narrator.line(`${text(fact)}: ${text(value)} (${text(source)})`);
  }
  for (const { code, service } of rows(diagnosis["contributing"])) {
    narrator.line(`explained by it: ${text(code)} of ${text(service)}`);
  }
}

async function request(url: string, expected: number, narrator: Narrator): Promise<void> {
  const { status, body, ms } = await httpGet(`${url}/`);
  narrator.line(`GET ${url}/ → ${status} in ${ms} ms: ${body}`);
  if (status !== expected) throw failed(`the request was to be answered with ${expected}`);
}

/** Asks for the status until it is as awaited. */
async function statusWhen(client: McpClient, awaited: (status: ToolAnswer) => boolean): Promise<ToolAnswer> {
  const startedMs = performance.now();
  for (;;) {
    const status = await client.call("get_status", { environment });
    if (awaited(status)) return status;
    if (performance.now() - startedMs > patienceMs) {
      throw failed(`after ${patienceMs / 1000} s get_status still says: ${text(status["summary"])}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

const failed = (message: string): ConnectivityError => new ConnectivityError("internal_error", message);
const rows = (value: unknown): readonly Row[] => (Array.isArray(value) ? (value as Row[]) : []);
const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const since = (startedMs: number): string => `${((performance.now() - startedMs) / 1000).toFixed(2)} s`;
