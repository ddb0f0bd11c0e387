import * as z from "zod";
import { secretTemplate } from "../scalars.ts";
import { loginKeys, place, sslmode, timing, tlsKeys } from "./shared-keys.ts";

export const redis = z.strictObject({
  type: z.literal("redis"),
  ...timing,
  config: z
    .strictObject({
      username: z.string().optional(),
      password: secretTemplate.optional(),
      cluster: z.boolean().default(false).describe("The cluster as a whole must be well, too"),
      ...tlsKeys,
    })
    .prefault({}),
});

export const postgres = z.strictObject({
  type: z.literal(["postgres", "postgresql"]),
  ...timing,
  config: z
    .strictObject({
      ...place,
      database: z.string().default("postgres"),
      user: z.string().default("postgres"),
      password: secretTemplate
        .optional()
        .describe("Without it the check ends at the server's answer to the start-up message"),
      sslmode: sslmode.default("prefer"),
      query: z.string().default("select 1"),
    })
    .prefault({}),
});

export const postgresOutput = ({ database, user, password, sslmode, query }: z.output<typeof postgres>["config"]) => ({
  database,
  user,
  ...(password !== undefined && { password }),
  sslmode,
  query,
});

export const mysql = z.strictObject({
  type: z.literal(["mysql", "mariadb"]),
  ...timing,
  config: z
    .strictObject({
      ...loginKeys,
      database: z.string().min(1).optional(),
      sslmode: sslmode.default("prefer"),
      server_name: tlsKeys.server_name,
      query: z.string().min(1).optional().describe("Default: a ping"),
    })
    .prefault({}),
});

export const mongodb = z.strictObject({
  type: z.literal("mongodb"),
  ...timing,
  config: z
    .strictObject({
      ...loginKeys,
      auth_source: z.string().min(1).default("admin").describe("The database that knows the user"),
      database: z.string().min(1).optional().describe("One that must be there"),
      ...tlsKeys,
    })
    .prefault({}),
});
