import { describe, expect, test } from "vitest";
import { impactOf } from "#domain/plan/impact.ts";
import { sameTarget } from "#domain/plan/same-target.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";

const ssh = (connection: object = {}, keys: object = {}): ServiceSpec =>
  serviceSchema.parse({
    name: "s",
    technology: "ssh",
    remote_port: 5432,
    connection: { host: "bastion", remote_host: "db.internal", ...connection },
    ...keys,
  });
const pod = (connection: object = {}, keys: object = {}): ServiceSpec =>
  serviceSchema.parse({
    name: "s",
    technology: "kubernetes",
    remote_port: 80,
    connection: { namespace: "n", resource_name: "web", ...connection },
    ...keys,
  });

describe("[edit-drains] the same target", () => {
  const same: [string, ServiceSpec, ServiceSpec][] = [
    ["another bastion before it", ssh(), ssh({ host: "other" })],
    ["another login", ssh(), ssh({ user: "me", key_file: "~/k", driver: "openssh" })],
    ["hops", ssh(), ssh({}, { via: ["edge"] })],
    [
      "another login at the server itself",
      ssh({ remote_host: "localhost" }),
      ssh({ remote_host: "localhost", user: "u" }),
    ],
    ["another check", pod(), pod({}, { health_check: { type: "http" } })],
  ];
  test.each(same)("%s", (_, before, after) => {
    expect(sameTarget(before, after)).toBe(true);
  });

  const other: [string, ServiceSpec, ServiceSpec][] = [
    ["another port", ssh(), ssh({}, { remote_port: 5433 })],
    ["another host behind it", ssh(), ssh({ remote_host: "db2.internal" })],
    [
      "localhost of another server",
      ssh({ remote_host: "localhost" }),
      ssh({ remote_host: "localhost", host: "other" }),
    ],
    ["a socket of another server", ssh({ remote_socket: "/s" }), ssh({ remote_socket: "/s", host: "other" })],
    ["another local port", ssh(), ssh({}, { local_port: 15432 })],
    ["another namespace", pod(), pod({ namespace: "m" })],
    ["another technology", pod(), ssh()],
    [
      "a remote forward, which there can be one of",
      ssh({ direction: "remote" }, { local_port: 80 }),
      ssh({ direction: "remote", user: "u" }, { local_port: 80 }),
    ],
  ];
  test.each(other)("not: %s", (_, before, after) => {
    expect(sameTarget(before, after)).toBe(false);
  });

  test("breaks no connections in a plan's impact", () => {
    const declared = (spec: ServiceSpec) => ({
      services: [{ name: "s", spec, problems: [], line: 1 }] as never,
    });
    const running = () => ({ wanted: true, connections: 3, otherClients: [] });
    expect(impactOf(declared(ssh()), declared(ssh({ user: "u" })), running, [])).toMatchObject({
      restarts: ["s"],
      breaks_connections: 0,
    });
    const moved = declared(ssh({}, { remote_port: 1 }));
    expect(impactOf(declared(ssh()), moved, running, [])).toMatchObject({ breaks_connections: 3 });
  });
});
