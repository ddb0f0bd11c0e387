import { describe, expect, test } from "vitest";
import { exportedVariables } from "#domain/exports.ts";
import { hasLocalEnd } from "#domain/spec/local-end.ts";
import { configurationOf, problemsIn } from "../support/config-reading.ts";

const file = (lines: string): string => `services:\n  - name: a\n    technology: ssh\n    ${lines}\n`;

describe("ends of a service", () => {
  test.each([
    ["remote_port: 80\n    connection: {host: x}", true],
    ["listen: ~/db.sock\n    remote_port: 80\n    connection: {host: x}", true],
    ["connection: {host: x, remote_socket: /run/s}", true],
    ["connection: {host: x, direction: dynamic}", true],
    ["local_port: 80\n    connection: {host: x, direction: remote}", false],
    ["listen: /run/app.sock\n    connection: {host: x, direction: remote}", false],
    ["local_port: 80\n    remote_port: 0\n    connection: {host: x, direction: remote}", false],
  ])("%j", (lines, local) => {
    const [service] = configurationOf(file(lines)).services;
    expect(service?.spec && hasLocalEnd(service.spec)).toBe(local);
  });

  test.each([
    ["connection: {host: x}", "remote_port is missing; it must be a port"],
    ["remote_port: 0\n    connection: {host: x}", "remote_port must be a port"],
    ["connection: {host: x, direction: remote}", "local_port is missing; it must be the port on this machine"],
    ["listen: run/db.sock\n    remote_port: 1\n    connection: {host: x}", "listen must be one of 127.0.0.1"],
    ["listen: /run/\n    remote_port: 1\n    connection: {host: x}", "listen must be one of 127.0.0.1"],
  ])("%j is refused", (lines, sentence) => {
    expect(
      problemsIn(file(lines))
        .map(({ message }) => message)
        .join("\n"),
    ).toContain(sentence);
  });

  test("a remote forward may lead to the local port of another service", () => {
    const other = "  - {name: b, technology: ssh, local_port: 80, remote_port: 1, connection: {host: x}}\n";
    const text = file("local_port: 80\n    connection: {host: x, direction: remote}") + other;
    expect(configurationOf(text).services.map(({ spec }) => spec?.name)).toEqual(["a", "b"]);
  });

  test("variables of a socket: the path is the host", () => {
    const exports = { PGHOST: `\${host}`, SOCKET: `\${socket}`, PORT: `\${port}` };
    expect(
      exportedVariables({ name: "a", exports }, { host: "/run/db.sock", port: 0 }).map(({ value }) => value),
    ).toEqual(["/run/db.sock", "/run/db.sock", "0"]);
  });
});
