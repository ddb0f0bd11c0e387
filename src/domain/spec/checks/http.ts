import * as z from "zod";
import { secretTemplate } from "../scalars.ts";
import { place, timing } from "./shared-keys.ts";

const statusCode = z.int().min(100).max(599);
const expectedStatus = z.union([
  statusCode,
  z.string().regex(/^(?:[1-5]xx|[1-5]\d\d-[1-5]\d\d)$/, "expected a status such as 204, 2xx or 200-299"),
]);

/** `204`, `2xx` or `200-299`. */
export type ExpectedStatus = z.output<typeof expectedStatus>;

const httpConfig = z
  .strictObject({
    path: z.string().startsWith("/").optional().describe("Path and query of the request; default: /health"),
    host: z.string().optional().describe("The Host header; default: localhost and the local port"),
    url: z
      .url({ protocol: /^https?$/, error: "must be an address such as http://localhost:8080/health" })
      .optional()
      .describe("LocalPort's key: its path is requested through the service's own path"),
    method: z.enum(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]).default("GET"),
    expected_status_codes: z
      .array(expectedStatus)
      .min(1)
      .optional()
      .describe("Default: 200, 201, 202, 204; also 2xx and 200-299"),
    expected_status: z
      .union([expectedStatus, z.array(expectedStatus).min(1)])
      .optional()
      .describe("LocalPort's word for expected_status_codes"),
    expected_content: z.string().optional().describe("Text that the body must contain"),
    expected_headers: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe("Headers of the answer, each with a text that it must contain"),
    follow_redirects: z.boolean().default(true).describe("Within the target; false: a redirect is the answer"),
    http2: z.boolean().default(false).describe("Over HTTP/2: agreed on by TLS, or as it is without TLS"),
    headers: z.record(z.string(), secretTemplate).default({}),
    verify_ssl: z.boolean().default(true),
    port: place.port,
    timeout: place.timeout,
  })
  .prefault({});

export const http = z.strictObject({ type: z.literal(["http", "https"]), ...timing, config: httpConfig });

/** A check's configuration without LocalPort's words, which are read once, here. */
export function httpOutput({ url, path, host, ...config }: z.output<typeof httpConfig>) {
  const address = url === undefined ? undefined : new URL(url);
  const { expected_status: alias, expected_status_codes: codes = alias ?? [200, 201, 202, 204] } = config;
  const fromUrl = address && !isLoopbackName(address.hostname) ? address.host : undefined;
  const authority = host ?? fromUrl;
  return {
    path: path ?? (address ? `${address.pathname}${address.search}` : "/health"),
    ...(authority !== undefined && { host: authority }),
    method: config.method,
    expected_status_codes: Array.isArray(codes) ? codes : [codes],
    ...(config.expected_content !== undefined && { expected_content: config.expected_content }),
    expected_headers: config.expected_headers,
    follow_redirects: config.follow_redirects,
    http2: config.http2,
    headers: { ...basicAuthorization(address), ...config.headers },
    verify_ssl: config.verify_ssl,
  };
}

/** `user:password@` of a URL, as clients send it; the password is percent-decoded where it can be. */
function basicAuthorization(address: URL | undefined): Record<string, string> {
  if (!address || (address.username === "" && address.password === "")) return {};
  let pair = `${address.username}:${address.password}`;
  try {
    pair = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  } catch {
    // A stray percent sign: the text as it stands.
  }
  const bytes = new TextEncoder().encode(pair);
  return { Authorization: `Basic ${btoa(String.fromCodePoint(...bytes))}` };
}

/** Names of this machine: a check that names one of them means the local end of the service. */
export const isLoopbackName = (host: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0|\[::\])$/i.test(host);
