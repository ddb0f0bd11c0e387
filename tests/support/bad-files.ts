/** Files that a person may hand over by mistake, and what must be said about each. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import type { ErrorCode } from "#domain/error-catalogue.ts";

const service = (name: string, ports = "local_port: 0, remote_port: 80"): string =>
  `services:\n  - {name: ${name}, technology: ssh, ${ports}, connection: {host: 127.0.0.1}}\n`;
const localport = (name: string, ports: string): string =>
  `version: "1.0"\nservices:\n  - {name: ${name}, technology: ssh, ${ports}, connection: {host: 127.0.0.1}}\n`;

const laughs = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from("bcdefghi")
  .map((name, at) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${"abcdefgh"[at]}`).join(",")}]\n`)
  .join("")}`;

export interface BadFile {
  readonly is: string;
  readonly code?: ErrorCode;
  readonly says: RegExp;
  readonly file?: string;
  /** Makes what stands at the path; default: nothing does. */
  readonly make?: (path: string) => Promise<unknown>;
}

const text =
  (content: string | Buffer) =>
  (path: string): Promise<void> =>
    writeFile(path, content);

export const badFiles: BadFile[] = [
  { is: "missing", code: "config_not_found", says: /name one that exists/ },
  {
    is: "a symbolic link to nowhere",
    code: "config_not_found",
    says: /name one that exists/,
    make: (path) => symlink("nowhere", path),
  },
  { is: "a folder", says: /is a folder; name the file in it/, make: (path) => mkdir(path) },
  { is: "a link to itself", says: /leads back to itself; name a file/, make: (path) => symlink(basename(path), path) },
  { is: "a device", says: /not a regular file; name one/, make: (path) => symlink("/dev/zero", path) },
  { is: "empty", says: /file is empty; declare services/, make: text("") },
  { is: "nothing but comments", says: /file is empty; declare services/, make: text("# to do\n") },
  { is: "huge", says: /larger than 1 MB; name a configuration file/, make: text(`#${"x".repeat(1_000_001)}\n`) },
  {
    is: "binary",
    says: /not text \(it holds zero bytes\); name a YAML file/,
    make: text(Buffer.alloc(4096, "\0\u0001\u0002PK")),
  },
  { is: "in another encoding", says: /UTF-8; save it/, make: text(Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe])) },
  { is: "an anchor that holds itself", says: /1:15: the anchor holds itself/, make: text("services: &a [*a]\n") },
  { is: "a billion laughs", says: /aliases repeat more than 20000 values; write the values/, make: text(laughs) },
  { is: "broken YAML", says: /not valid YAML: .* is missing here/, make: text("services: [\n") },
  { is: "two documents", says: /second document begins here; keep one/, make: text("a: 1\n---\nb: 2\n") },
  { is: "no map", says: /is a map of keys and values, with services:/, make: text("- a\n- b\n") },
  { is: "a name with a space", says: /name is not valid: expected letters, digits/, make: text(service('"my db"')) },
  { is: "a name with a dot", says: /name is not valid: expected letters, digits/, make: text(service("my.db")) },
  {
    is: "a name with a leading dash",
    says: /name is not valid: expected letters, digits/,
    make: text(service('"-db"')),
  },
  {
    is: "local_port: http",
    says: /local_port must be a port: a whole number/,
    make: text(service("db", "local_port: http, remote_port: 80")),
  },
  {
    is: "remote_port: 0",
    says: /remote_port must be a port: a whole number from 1/,
    make: text(service("db", "remote_port: 0")),
  },
  {
    is: "remote_port: 65536",
    says: /remote_port must be a port: a whole number from 1/,
    make: text(service("db", "remote_port: 65536")),
  },
  {
    is: "local_port: http, of LocalPort",
    file: "localport.yaml",
    says: /local_port must be a port/,
    make: text(localport("db", "local_port: http, remote_port: 80")),
  },
  {
    is: "remote_port: 0, of LocalPort",
    file: "localport.yaml",
    says: /remote_port must be a port/,
    make: text(localport("db", "local_port: 1, remote_port: 0")),
  },
  {
    is: "remote_port: 65536, of LocalPort",
    file: "localport.yaml",
    says: /remote_port must be a port/,
    make: text(localport("db", "local_port: 1, remote_port: 65536")),
  },
];
// A file that exists and whose content cannot be had, also by root, who may read every file of a disk.
if (process.platform === "linux") {
  badFiles.push({
    is: "unreadable",
    says: /could not be read; name another file/,
    make: (path) => symlink("/proc/self/mem", path),
  });
}
if (process.getuid?.() !== 0) {
  badFiles.push({
    is: "not permitted",
    says: /may not be read by this user; change its permissions/,
    make: (path) => writeFile(path, service("db"), { mode: 0 }),
  });
}

export const badKubeconfigs: Required<Omit<BadFile, "file">>[] = [
  { is: "a folder", code: "kubeconfig_invalid", says: /is a folder; name the file in it/, make: (path) => mkdir(path) },
  {
    is: "missing",
    code: "kubeconfig_missing",
    says: /there is no kubeconfig at .*; set KUBECONFIG/,
    make: async () => {},
  },
  {
    is: "a symbolic link to nowhere",
    code: "kubeconfig_missing",
    says: /set KUBECONFIG/,
    make: (path) => symlink("nowhere", path),
  },
  {
    is: "not YAML",
    code: "kubeconfig_invalid",
    says: /is not YAML \(line 2\); correct it/,
    make: text("contexts: [\n"),
  },
  {
    is: "something else",
    code: "kubeconfig_invalid",
    says: /has not the form of a kubeconfig.*; correct it/,
    make: text("hello\n"),
  },
  {
    is: "binary",
    code: "kubeconfig_invalid",
    says: /is a binary file; name a kubeconfig/,
    make: text(Buffer.alloc(10)),
  },
  {
    is: "without the context",
    code: "context_missing",
    says: /has no context nowhere; did you mean now-here\?/,
    make: text("contexts: [{name: now-here, context: {cluster: c, user: u}}]\n"),
  },
  {
    is: "without any context",
    code: "context_missing",
    says: /has no context nowhere; it has none: set KUBECONFIG/,
    make: text("{}\n"),
  },
];
if (process.platform === "linux") {
  badKubeconfigs.push({
    is: "unreadable",
    code: "kubeconfig_invalid",
    says: /cannot be read; check its permissions/,
    make: (path) => symlink("/proc/self/mem", path),
  });
}
