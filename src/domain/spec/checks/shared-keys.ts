import * as z from "zod";
import { duration, port, secretTemplate } from "../scalars.ts";

const second = 1000;

/** When a check runs, and how often it must pass or fail. */
export const timing = {
  interval: duration(1 * second, 3600 * second)
    .default(30 * second)
    .describe("Time between two checks; default: 30s"),
  timeout: duration(0.1 * second, 300 * second)
    .default(5 * second)
    .describe("How long one check may take; default: 5s"),
  failure_threshold: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("Failed checks in a row before an idle service counts as failing"),
  success_threshold: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("Passed checks in a row before it counts as ready again"),
  cluster_aware: z.boolean().optional().describe("LocalPort's key; always on here"),
};

/** LocalPort's keys for where a check connects to. Every check runs through the service's own path, so they say nothing more. */
export const place = {
  host: z.string().optional().describe("LocalPort's key; checks run through the path"),
  port: port.optional().describe("LocalPort's key; checks run through the path"),
  timeout: duration(0.1 * second, 300 * second)
    .optional()
    .describe("LocalPort's key for the check's timeout; wins over it"),
};

/** A server behind TLS from the first byte. */
export const tlsKeys = {
  tls: z.boolean().default(false).describe("TLS from the first byte"),
  server_name: z.string().min(1).optional().describe("Whom the certificate must name; default: localhost"),
  verify_ssl: z.boolean().default(true).describe("false: any certificate will do"),
};

/** TLS that a database's own protocol switches to, in libpq's words. */
export const sslmode = z.enum(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]);

/** A login, as references. Without a password a check ends where the server asks for one. */
export const loginKeys = {
  user: z.string().min(1).optional(),
  password: secretTemplate.optional(),
};
