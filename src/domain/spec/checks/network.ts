import * as z from "zod";
import { secretTemplate } from "../scalars.ts";
import { place, timing, tlsKeys } from "./shared-keys.ts";

export const tcp = z.strictObject({
  type: z.literal("tcp").default("tcp"),
  ...timing,
  config: z.strictObject(place).default({}),
});

export const tls = z.strictObject({
  type: z.literal("tls"),
  ...timing,
  config: z
    .strictObject({
      server_name: tlsKeys.server_name,
      verify_ssl: tlsKeys.verify_ssl,
      min_days_left: z.int().min(0).max(3650).default(0).describe("Fewer are certificate_expiring; default: 0"),
    })
    .prefault({}),
});

export const grpc = z.strictObject({
  type: z.literal("grpc"),
  ...timing,
  config: z
    .strictObject({
      service: z.string().default("").describe("Whose health is asked for; default: the server's"),
      headers: z.record(z.string().regex(/^[0-9a-z_.-]+$/), secretTemplate).default({}),
      ...tlsKeys,
    })
    .prefault({}),
});

export const dns = z.strictObject({
  type: z.literal("dns"),
  ...timing,
  config: z
    .strictObject({
      name: z
        .string()
        .regex(/^(?=.{1,253}\.?$)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/, "expected a host name")
        .optional()
        .describe("One that must have an answer; default: any answer will do"),
      record: z.enum(["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"]).default("A"),
    })
    .prefault({}),
});

export const ssh = z.strictObject({ type: z.literal("ssh"), ...timing, config: z.strictObject({}).prefault({}) });

export const udp = z.strictObject({ type: z.literal("udp"), ...timing, config: z.strictObject({}).prefault({}) });

export const command = z.strictObject({
  type: z.literal("command"),
  ...timing,
  config: z.strictObject({
    command: z
      .array(z.string())
      .min(1)
      .max(64)
      .describe("A program and its arguments, no shell; HOST and PORT in its environment lead through the path"),
  }),
});
