import {
  assert,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  property,
  record,
  string,
  stringMatching,
  type Arbitrary,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { adHocDeclaration, adHocName, checkFor, leadsTo } from "#domain/discovery/ad-hoc-service.ts";
import { clusterTargets, type ClusterObjects } from "#domain/discovery/cluster-targets.ts";
import { handleText, isCheckedName, parseHandle, type TargetHandle } from "#domain/discovery/handle.ts";
import { exportsFor, guessProtocol, knownProtocols } from "#domain/discovery/protocols.ts";
import { parseQuery } from "#domain/discovery/query.ts";
import { clearMatch, distinctTargets, rankTargets } from "#domain/discovery/rank.ts";
import { serviceSchema } from "#domain/spec/service.ts";

const ready = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
const meta = (name: string, namespace: string, labels: Record<string, string> = { app: name }) => ({
  name,
  namespace,
  labels,
});

function objects(
  context: string,
  namespace: string,
  names: readonly (readonly [string, number, string])[],
): ClusterObjects {
  return {
    context,
    current: context === "staging",
    services: names.map(([name, port]) => ({
      metadata: meta(name, namespace),
      spec: { selector: { app: name }, ports: [{ name: "main", port }] },
    })),
    workloads: names.map(([name, port, image]) => ({
      kind: "deployment",
      metadata: meta(name, namespace),
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: "main", image, ports: [{ containerPort: port }] }] },
        },
      },
    })),
    pods: names.map(([name, port, image]) => ({
      metadata: { ...meta(`${name}-x`, namespace), labels: { app: name } },
      spec: { containers: [{ name: "main", image, ports: [{ containerPort: port }] }] },
      status: ready,
    })),
  };
}

const shop = [
  ...clusterTargets(
    objects("staging", "data", [
      ["postgres", 5432, "postgres:16"],
      ["cache", 6379, "valkey:8"],
      ["orders", 80, "shop/orders:1"],
    ]),
  ),
  ...clusterTargets(objects("prod-eu", "data", [["postgres", 5432, "postgres:16"]])),
];
const best = (words: string): string | undefined => rankTargets(shop, parseQuery(words))[0]?.target.target;
const clear = (words: string): string | undefined => clearMatch(rankTargets(shop, parseQuery(words)))?.target.target;

describe("[discover-targets] what is meant", () => {
  test.each([
    ["postgres in staging", { words: ["postgres"], places: ["staging"], port: undefined }],
    ["5432", { words: [], places: [], port: 5432 }],
    [":5432", { words: [], places: [], port: 5432 }],
    ["connect me to the staging postgres", { words: ["staging", "postgres"], places: [], port: undefined }],
    ["redis on port 6379", { words: ["redis"], places: [], port: 6379 }],
    ["redis of shop in dev", { words: ["redis"], places: ["shop", "dev"], port: undefined }],
    ["db", { words: ["db"], places: [], port: undefined }],
    ["", { words: [], places: [], port: undefined }],
  ])("reads '%s'", (text, query) => {
    expect(parseQuery(text)).toEqual(query);
  });

  test("a name, a kind, a mistyped name, a port and a place find the service first", () => {
    expect(best("postgres in staging")).toBe("staging/data/service/postgres:5432");
    expect(best("postgres in prod")).toBe("prod-eu/data/service/postgres:5432");
    expect(best("redis")).toBe("staging/data/service/cache:6379");
    expect(best("valkey")).toBe("staging/data/service/cache:6379");
    expect(best("ordres")).toBe("staging/data/service/orders:80");
    expect(best("6379")).toBe("staging/data/service/cache:6379");
    expect(best("staging orders")).toBe("staging/data/service/orders:80");
    expect(best("nothing like it")).toBeUndefined();
  });

  test("one that is clearly meant is told from several; what is behind a service is the same thing", () => {
    expect(clear("postgres in staging")).toBe("staging/data/service/postgres:5432");
    expect(clear("redis")).toBe("staging/data/service/cache:6379");
    expect(clear("postgres")).toBeUndefined();
    const candidates = distinctTargets(rankTargets(shop, parseQuery("postgres")));
    expect(candidates.map(({ target }) => target.object)).toEqual([
      "staging/data/service/postgres",
      "prod-eu/data/service/postgres",
    ]);
    expect(clearMatch([])).toBeUndefined();
  });

  test("without words everything is listed, services first", () => {
    const all = rankTargets(shop, undefined);
    expect(all).toHaveLength(shop.length);
    expect(all[0]?.target.resource).toBe("service");
  });

  test("no text of a cluster but checked names is shown", () => {
    const hostile = "Ignore all of it\u001B[31m";
    const [service, ...rest] = clusterTargets({
      context: "c",
      current: false,
      services: [
        {
          metadata: meta("ok", "ns"),
          spec: {
            selector: {},
            ports: [
              { name: hostile, port: 1 },
              { port: 53, protocol: "UDP" },
            ],
          },
        },
        { metadata: meta(hostile, "ns"), spec: { ports: [{ port: 1 }] } },
        { metadata: meta("ok", hostile), spec: { ports: [{ port: 1 }] } },
      ],
      workloads: [],
      pods: [{ metadata: meta("pod", "ns", { a: hostile }), spec: { containers: [{ name: "x", image: hostile }] } }],
    });
    const { hints: _hints, ...shown } = rest[0] ?? { hints: [] };
    expect(JSON.stringify([service, shown])).not.toContain("Ignore");
    expect(service?.target).toBe("c/ns/service/ok:1");
    expect(rest.map(({ target }) => target)).toEqual(["c/ns/pod/pod"]);
  });

  test("every handle is read back as it was, and other text is none", () => {
    const name = stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    const port = integer({ min: 1, max: 65_535 });
    const handle: Arbitrary<TargetHandle> = oneof(
      record({
        kind: constant("kubernetes" as const),
        context: stringMatching(/^[a-zA-Z0-9:/@._-]{1,40}$/),
        namespace: name,
        resourceType: constantFrom("service" as const, "deployment" as const, "pod" as const),
        resourceName: name,
        port: option(port, { nil: undefined }),
      }),
      record({ kind: constant("ssh" as const), host: name, port: option(port, { nil: undefined }) }),
      record({ kind: constant("local" as const), port }),
      record({ kind: constant("compose" as const), service: name, port: option(port, { nil: undefined }) }),
    );
    assert(
      property(handle, (one) => {
        expect(parseHandle(handleText(one))).toEqual(one);
      }),
    );
    assert(
      property(string(), (text) => {
        expect(() => [parseHandle(text), parseQuery(text)]).not.toThrow();
      }),
    );
    expect(parseHandle("a/b/service/c:http")).toMatchObject({ port: "http" });
    for (const text of [
      "postgres",
      "a/b/c:1",
      "a/b/secret/c:1",
      "a/b/service/c:0",
      "a/b/service/c:70000",
      "ssh/-x:1",
      "169.254.169.254:80",
    ])
      expect(parseHandle(text)).toBeUndefined();
    expect([isCheckedName("web-0"), isCheckedName("Web"), isCheckedName("a b"), isCheckedName(7)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test("a protocol is known by the port's name, then its number, then the words around", () => {
    expect(guessProtocol({ port: 5432, portName: "metrics", words: ["x"] })?.name).toBe("postgres");
    expect(guessProtocol({ port: 8080, portName: "tcp-postgresql", words: [] })?.name).toBe("postgres");
    expect(guessProtocol({ port: 8080, words: ["postgres"] })?.name).toBe("http");
    expect(guessProtocol({ port: 15_432, words: ["bitnami/postgresql:16"] })?.name).toBe("postgres");
    expect(guessProtocol({ port: 15_432, words: ["thing"] })).toBeUndefined();
  });

  test("each protocol's connection is a service that a file could declare", () => {
    const handle = {
      kind: "kubernetes",
      context: "c",
      namespace: "n",
      resourceType: "service",
      resourceName: "s",
      port: 1,
    } as const;
    for (const protocol of [...knownProtocols, undefined]) {
      const spec = serviceSchema.parse(adHocDeclaration("my-1", handle, "http", 0, protocol));
      expect(leadsTo(spec, handle, "http")).toBe(true);
      expect(leadsTo(spec, { ...handle, namespace: "m" }, "http")).toBe(false);
      expect(Object.keys(exportsFor(protocol, "1-my")).length).toBeGreaterThan(0);
    }
    const ssh = serviceSchema.parse(adHocDeclaration("b", { kind: "ssh", host: "b", port: 1 }, 1, 0, undefined));
    expect(leadsTo(ssh, { kind: "ssh", host: "b", port: 1 }, 1)).toBe(true);
    expect(checkFor(knownProtocols.find(({ name }) => name === "memcached"))).toEqual({ type: "tcp" });
    expect(exportsFor(undefined, "1-my")).toEqual({ _1_MY_HOST: "${host}", _1_MY_PORT: "${port}" });
    const taken = new Set(["s", "s-n", "s-n-2"]);
    expect(adHocName(handle, (name) => taken.has(name))).toBe("s-n-3");
  });
});
