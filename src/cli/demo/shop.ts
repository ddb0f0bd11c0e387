import http from "node:http";
import { httpGet } from "./http-get.ts";
import { listening } from "./listening.ts";
import { askCache, startCache } from "./resp-cache.ts";

/** The shop: a web page that asks an API, which counts its requests in a cache. Each has its own port of 127.0.0.1. */
export interface Shop {
  readonly ports: { readonly web: number; readonly api: number; readonly cache: number };
  /** From now on the API answers everything with 500, as one whose database is gone. */
  breakApi(): void;
  healApi(): void;
  close(): Promise<void>;
}

export async function startShop(): Promise<Shop> {
  const cache = await startCache();
  const state = { broken: false };
  const api = await listening(
    http.createServer((request, response) => {
      void answerAsApi(request, state.broken, cache.port).then((answer) => send(response, answer));
    }),
  );
  const web = await listening(
    http.createServer((request, response) => {
      void answerAsWeb(request, api.port).then((answer) => send(response, answer));
    }),
  );
  return {
    ports: { web: web.port, api: api.port, cache: cache.port },
    breakApi() {
      state.broken = true;
    },
    healApi() {
      state.broken = false;
    },
    async close() {
      for (const server of [web, api, cache]) await server.close();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function answerAsApi({ url }: http.IncomingMessage, broken: boolean, cachePort: number): Promise<Answer> {
  if (broken) return { status: 500, body: "no connection to the database" };
  if (url === "/health") return { status: 200, body: "ok" };
  const last = Number(await askCache(cachePort, "GET", "orders")) || 0;
  await askCache(cachePort, "SET", "orders", String(last + 1));
  return { status: 200, body: JSON.stringify({ order: last + 1 }) };
}

async function answerAsWeb({ url }: http.IncomingMessage, apiPort: number): Promise<Answer> {
  const asked = url === "/health" ? "/health" : "/orders";
  const { status, body } = await httpGet(`http://127.0.0.1:${apiPort}${asked}`).catch(() => ({ status: 0, body: "" }));
  if (status === 200) return { status, body: url === "/health" ? "ok" : `<h1>Shop</h1> ${body}` };
  return { status: 502, body: `the API answered ${status === 0 ? "nothing" : status}` };
}

function send(response: http.ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(body);
}
