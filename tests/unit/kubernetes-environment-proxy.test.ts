import { describe, expect, test } from "vitest";
import { environmentProxy } from "#adapters/kubernetes/api/environment-proxy.ts";

const proxyFor = (server: string, environment: Readonly<Record<string, string>>): string | undefined =>
  environmentProxy(new URL(server), (name) => environment[name])?.text;

describe("[kubernetes-ways] the environment's proxy, by the rules of Go's httpproxy", () => {
  test.each([
    ["https://a.test", { HTTPS_PROXY: "p" }, "p"],
    ["https://a.test", { https_proxy: "p" }, "p"],
    ["https://a.test", { HTTPS_PROXY: "P", https_proxy: "p" }, "P"],
    ["https://a.test", { HTTP_PROXY: "p" }, undefined],
    ["http://a.test", { HTTP_PROXY: "p" }, "p"],
    ["https://localhost:6443", { HTTPS_PROXY: "p" }, undefined],
    ["https://127.3.2.1:6443", { HTTPS_PROXY: "p" }, undefined],
    ["https://[::1]:6443", { HTTPS_PROXY: "p" }, undefined],
    ["https://a.test", {}, undefined],
  ])("%s with %o: %s", (server, environment, wanted) => {
    expect(proxyFor(server, environment)).toBe(wanted);
  });

  test.each([
    ["*", "https://a.test", true],
    ["b.test, a.test", "https://a.test", true],
    ["A.TEST", "https://x.a.test", true],
    ["a.test", "https://xa.test", false],
    [".a.test", "https://a.test", false],
    [".a.test", "https://x.a.test", true],
    ["*.a.test", "https://x.a.test", true],
    ["*.a.test", "https://a.test", false],
    ["a.test:443", "https://a.test", true],
    ["a.test:6443", "https://a.test", false],
    ["10.1.2.3", "https://10.1.2.3", true],
    ["10.1.2.3:6443", "https://10.1.2.3:6443", true],
    ["10.1.2.3:6443", "https://10.1.2.3", false],
    ["10.0.0.0/8", "https://10.200.1.1", true],
    ["10.0.0.0/40", "https://10.200.1.1", false],
    ["10.0.0.0/8", "https://a.test", false],
    ["2001:db8::/32", "https://[2001:db8::1]", true],
    ["2001:db8::1", "https://[2001:db8::1]", true],
    ["[2001:db8::1]:6443", "https://[2001:db8::1]:6443", true],
    ["fe80::1", "https://[2001:db8::1]", false],
    [" , ,", "https://a.test", false],
    ["[", "https://a.test", false],
  ])("NO_PROXY %s excepts %s: %s", (except, server, excepted) => {
    expect(proxyFor(server, { HTTPS_PROXY: "p", no_proxy: except })).toBe(excepted ? undefined : "p");
  });
});
