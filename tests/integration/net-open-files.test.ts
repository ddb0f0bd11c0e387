import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";

const program = `
const { createLocalListeners } = await import("#adapters/net/local-listeners.ts");
const { createSystemClock } = await import("#adapters/system/clock.ts");
const fs = await import("node:fs");
const listeners = createLocalListeners({ clock: createSystemClock(), portOwners: { find: async () => undefined } });
const accept = (connection) => connection.reset();
const listener = await listeners.listen("127.0.0.1", 0, accept, () => {});
process.stdin.resume();
const files = [];
try { for (;;) files.push(fs.openSync("/dev/null")); } catch {}
const onListen = await listeners.listen("127.0.0.1", 0, () => {}).then(() => "listens", (error) => error.code);
console.log(listener.port);
process.stdin.once("data", () => {
  for (const file of files) fs.closeSync(file);
  console.log(JSON.stringify({ onListen }));
});
`;

test.skipIf(process.platform !== "linux")(
  "without free file descriptors: too_many_open_files, and on again afterwards",
  async () => {
    const limited = `ulimit -n 64 && exec "$0" --no-warnings --input-type=module -e "$1"`;
    const child = spawn("sh", ["-c", limited, process.execPath, program], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const port = Number((await once(child.stdout, "data")).toString());
      const closed = (): Promise<unknown> => {
        const client = connect(port, "127.0.0.1").on("error", () => undefined);
        return new Promise((resolve) => client.resume().once("close", resolve));
      };
      const early = [closed(), closed()];
      await new Promise((resolve) => setTimeout(resolve, 300));
      child.stdin.write("free\n");
      const report = JSON.parse((await once(child.stdout, "data")).toString()) as object;
      expect(report).toMatchObject({ onListen: "too_many_open_files" });
      await Promise.all(early);
      await closed();
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  },
);
