/** What a repository's programs connect to, and which targets that means. */
import { describe, expect, test } from "vitest";
import type { FoundTarget } from "#domain/discovery/target.ts";
import { matchWish, wishesOf } from "#domain/plan/wishes.ts";

const compose = (name: string, port: number, protocol?: string): FoundTarget => ({
  kind: "compose",
  target: `compose/${name}:${port}`,
  object: `compose/${name}`,
  name,
  places: ["compose"],
  port,
  protocol,
  hints: [],
});
const service = (context: string, name: string, port: number, more: Partial<FoundTarget> = {}): FoundTarget => ({
  kind: "kubernetes",
  target: `${context}/data/service/${name}:${port}`,
  object: `${context}/data/service/${name}`,
  name,
  places: [context, "data"],
  port,
  resource: "service",
  hints: [],
  ...more,
});
const variable = (name: string, value: string) => ({ name, value, file: ".env.example" });

describe("[proposal] wishes", () => {
  test("compose services and variables that mean one thing are one; passwords and public hosts are left out", () => {
    const wishes = wishesOf(
      [compose("db", 5432, "postgres"), compose("redis", 6379, "redis"), compose("bad name!", 1)],
      [
        variable("DATABASE_URL", "postgres://app:secret@localhost:5432/shop"),
        variable("ORDERS_URL", "http://localhost:8080"),
        variable("REDIS_URL", "redis://redis:6379"),
        variable("STRIPE_URL", "https://api.stripe.com/v1"),
        variable("PLAIN", "value"),
        variable("MQ_URL", "amqp://mq.internal:5672/%2f"),
      ],
    );
    expect(wishes.map(({ name, from, variable }) => [name, from, variable?.template])).toEqual([
      ["db", "DATABASE_URL in .env.example, compose service db", "postgres://app@${host}:${port}/shop"],
      ["redis", "REDIS_URL in .env.example, compose service redis", "redis://${host}:${port}"],
      ["orders", "ORDERS_URL in .env.example", "http://${host}:${port}"],
      ["mq", "MQ_URL in .env.example", "amqp://${host}:${port}"],
    ]);
    expect(JSON.stringify(wishes)).not.toContain("secret");
  });
  test("the target is found by name, then by kind; several alike and production are not guessed", () => {
    const targets = [
      service("staging", "redis", 6379, { protocol: "redis", current: true }),
      service("dev", "redis", 6379, { protocol: "redis" }),
      service("staging", "main-postgres", 5432, { protocol: "postgres" }),
      service("dev", "orders", 80),
      service("staging", "orders", 80),
      service("prod-eu", "billing", 80),
      { ...service("staging", "redis-0", 6379), resource: "pod" },
    ];
    const match = (name: string, more: object = {}) => matchWish({ name, from: "x", ...more }, targets);
    expect(match("redis", { port: 6379 })).toMatchObject({
      target: { target: "staging/data/service/redis:6379" },
      certainty: "name and port match",
    });
    expect(match("db", { protocol: "postgres", port: 5432 })).toMatchObject({
      target: { name: "main-postgres" },
      certainty: "kind and port match",
    });
    expect(match("db", { protocol: "postgres" })).toMatchObject({ certainty: "kind matches" });
    expect(match("orders").candidates).toHaveLength(2);
    expect(match("orders").target).toBeUndefined();
    expect(match("billing")).toMatchObject({ candidates: [{ name: "billing" }] });
    expect(match("nothing")).toEqual({ wish: { name: "nothing", from: "x" }, candidates: [] });
  });
});
