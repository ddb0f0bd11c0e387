import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { material, resolveContext, type Material } from "#adapters/kubernetes/config/cluster-context.ts";
import { kubeconfigPaths, loadKubeconfig } from "#adapters/kubernetes/config/kubeconfig.ts";
import { accessWith } from "../support/kubernetes-access.ts";
import { needsCluster, testbed } from "../support/testbed.ts";

const run = promisify(execFile);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

interface Read {
  readonly "current-context"?: string;
  readonly clusters?: readonly { readonly name: string; readonly cluster: Readonly<Record<string, unknown>> }[];
  readonly users?: readonly { readonly name: string; readonly user: Readonly<Record<string, unknown>> }[];
  readonly contexts?: readonly { readonly context: { readonly namespace?: string } }[];
}

/** Files by name, `KUBECONFIG` as their order, and the context that is asked for. */
interface Case {
  readonly files: Readonly<Record<string, unknown>>;
  readonly order: readonly string[];
  readonly context?: string;
}

const cluster = (name: string, keys: object) => ({ name, cluster: { server: `https://${name}.test:6443`, ...keys } });
const user = (name: string, keys: object) => ({ name, user: keys });
const context = (name: string, inCluster: string, by: string, namespace?: string) => ({
  name,
  context: { cluster: inCluster, user: by, ...(namespace !== undefined && { namespace }) },
});

const cases: Readonly<Record<string, Case>> = {
  "one file with data": {
    files: {
      one: {
        "current-context": "a",
        clusters: [cluster("c", { "certificate-authority-data": base64("authority") })],
        users: [user("u", { "client-certificate-data": base64("cert"), "client-key-data": base64("key") })],
        contexts: [context("a", "c", "u", "shop")],
      },
    },
    order: ["one"],
  },
  "files relative to the kubeconfig that names them": {
    files: {
      "deep/one": {
        clusters: [cluster("c", { "certificate-authority": "../ca" })],
        contexts: [context("a", "c", "u")],
      },
      two: {
        "current-context": "a",
        users: [user("u", { "client-certificate": "cert", "client-key": "deep/key", tokenFile: "token" })],
      },
    },
    order: ["deep/one", "two"],
  },
  "the first file that names a thing wins, whole": {
    files: {
      one: { clusters: [cluster("c", { "tls-server-name": "first" })], users: [user("u", { token: "first" })] },
      two: {
        "current-context": "b",
        clusters: [cluster("c", { "insecure-skip-tls-verify": true, server: "https://second.test" })],
        users: [user("u", { token: "second", as: "somebody" })],
        contexts: [context("b", "c", "u", "two"), context("x", "c", "u")],
      },
      three: { "current-context": "x", contexts: [context("b", "c", "other", "three")] },
    },
    order: ["one", "missing", "two", "three"],
  },
  "another than the current context": {
    files: {
      one: {
        "current-context": "a",
        clusters: [cluster("c", {}), cluster("d", { "proxy-url": "socks5://127.0.0.1:1080" })],
        users: [user("u", {}), user("w", { username: "me", password: "p" })],
        contexts: [context("a", "c", "u"), context("b", "d", "w")],
      },
    },
    order: ["one"],
    context: "b",
  },
  "exec plugin and impersonation": {
    files: {
      one: {
        "current-context": "a",
        clusters: [cluster("c", {})],
        users: [
          user("u", {
            exec: {
              apiVersion: "client.authentication.k8s.io/v1",
              command: "./plugin",
              args: ["a", "b"],
              env: [{ name: "X", value: "1" }],
              interactiveMode: "Never",
              provideClusterInfo: true,
              installHint: "get it",
            },
            as: "other",
            "as-uid": "7",
            "as-groups": ["g", "h"],
            "as-user-extra": { reason: ["x", "y"] },
          }),
        ],
        contexts: [context("a", "c", "u")],
      },
    },
    order: ["one"],
  },
  "a file twice, and one that is empty": {
    files: {
      one: {
        "current-context": "a",
        clusters: [cluster("c", {})],
        users: [user("u", { token: "t" })],
        contexts: [context("a", "c", "u")],
      },
      empty: "",
    },
    order: ["empty", "one", "one"],
  },
  "a context that is not there": {
    files: { one: { "current-context": "gone", contexts: [context("a", "c", "u")] } },
    order: ["one"],
  },
};

describe.skipIf(!testbed.kubectl)(
  `[kubernetes-kubectl-reading] kubeconfigs as kubectl reads them ${needsCluster}`,
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "portwright-kubeconfig-"));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test.each(Object.entries(cases))("%s", async (name, { files, order, context: asked }) => {
      const place = join(folder, name.replaceAll(/\W/g, "-"));
      await mkdir(join(place, "deep"), { recursive: true });
      await writeFile(join(place, "ca"), "authority");
      await writeFile(join(place, "cert"), "certificate");
      await writeFile(join(place, "deep", "key"), "key");
      await writeFile(join(place, "token"), "from-file");
      for (const [file, content] of Object.entries(files))
        await writeFile(join(place, file), typeof content === "string" ? content : JSON.stringify(content));
      const list = order.map((file) => join(place, file)).join(":");
      const theirs = await kubectl(list, asked);
      const ours = await read(list, asked);
      expect(ours).toEqual(theirs);
    });

    async function kubectl(list: string, asked: string | undefined): Promise<unknown> {
      const [program = "", ...first] = testbed.kubectl ?? [];
      const args = ["--kubeconfig=", ...(asked === undefined ? [] : [`--context=${asked}`])];
      const env = { ...process.env, KUBECONFIG: list };
      let json: Read;
      try {
        const view = [...first, ...args, "config", "view", "--minify", "--flatten", "--raw", "-o", "json"];
        json = JSON.parse((await run(program, view, { env })).stdout) as Read;
      } catch {
        return "refused";
      }
      const { name: clusterName = "", cluster: found = {} } = json.clusters?.[0] ?? {};
      const { name: userName = "", user: by = {} } = json.users?.[0] ?? {};
      return normal(clusterName, found, userName, by, json.contexts?.[0]?.context.namespace);
    }

    async function read(list: string, asked: string | undefined): Promise<unknown> {
      try {
        const config = await loadKubeconfig(kubeconfigPaths(accessWith({ KUBECONFIG: list }, folder)));
        const found = resolveContext(config, asked);
        const { cluster: entry, user: by, userFolder } = found;
        const cert = material(by["client-certificate-data"], by["client-certificate"], userFolder);
        const key = material(by["client-key-data"], by["client-key"], userFolder);
        return normal(
          found.clusterName,
          { ...entry, "certificate-authority-data": await bytes(found.tls.ca) },
          found.userName,
          { ...by, "client-certificate-data": await bytes(cert), "client-key-data": await bytes(key) },
          found.namespace,
        );
      } catch (error) {
        if (error instanceof ConnectivityError) return "refused";
        throw error;
      }
    }
  },
);

/** The same words from both, without what is empty. `--flatten` has made data of files. */
function normal(
  clusterName: string,
  cluster: Readonly<Record<string, unknown>>,
  userName: string,
  user: Readonly<Record<string, unknown>>,
  namespace: string | undefined,
): unknown {
  const { "certificate-authority": _ca, extensions: _extensions, ...clusterRest } = cluster;
  const { "client-certificate": _cert, "client-key": _key, exec, ...userRest } = user;
  return full({ clusterName, userName, namespace, cluster: full(clusterRest), user: full(userRest), exec: full(exec) });
}

function full(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, part]) =>
        part !== undefined &&
        part !== false &&
        part !== null &&
        !(typeof part === "object" && Object.keys(part).length === 0),
    ),
  );
}

async function bytes(from: Material | undefined): Promise<string | undefined> {
  if (from === undefined) return undefined;
  if ("inline" in from) return from.inline.toString("base64");
  return (await readFile(from.file)).toString("base64");
}
