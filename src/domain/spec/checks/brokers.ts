import * as z from "zod";
import { loginKeys, place, timing, tlsKeys } from "./shared-keys.ts";

export const kafka = z.strictObject({
  type: z.literal("kafka"),
  ...timing,
  config: z
    .strictObject({
      bootstrap_servers: z.string().optional().describe("LocalPort's key; checks run through the path"),
      topic: z.string().optional().describe("One that must be there, with a leader for each partition"),
      ...loginKeys,
      mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).default("plain").describe("Of the login"),
      ...tlsKeys,
      timeout: place.timeout,
    })
    .prefault({}),
});

export const kafkaOutput = ({ timeout: _read, ...config }: z.output<typeof kafka>["config"]) => config;

export const amqp = z.strictObject({
  type: z.literal("amqp"),
  ...timing,
  config: z
    .strictObject({
      ...loginKeys,
      vhost: z.string().min(1).default("/"),
      ...tlsKeys,
    })
    .prefault({}),
});
