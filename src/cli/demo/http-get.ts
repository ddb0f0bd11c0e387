import http from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

/** One GET on a connection of its own. Rejects with Node's error, or after five seconds. */
export function httpGet(url: string): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const startedMs = performance.now();
  const request = http.get(url, { agent: false, signal: AbortSignal.timeout(5000) }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (body += chunk));
    response.on("error", reject);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, body, ms: Math.round(performance.now() - startedMs) }),
    );
  });
  request.on("error", reject);
  return promise;
}
