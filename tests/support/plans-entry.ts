/** The whole application in a process of its own that may be killed: one JSON command a line in, one answer a line out. */
import { createInterface } from "node:readline";
import { readFile } from "node:fs/promises";
import { makePortwright } from "./portwright.ts";

const portwright = await makePortwright({ folder: process.argv[2] ?? "" });
await portwright.application.restore();
const client = await portwright.connect();

interface Command {
  readonly id: number;
  readonly verb: "state" | Parameters<typeof client.call>[0];
  readonly args: never;
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** What must outlive the process. */
async function state(): Promise<object> {
  const inForce = portwright.plans.inForce(portwright.file);
  return {
    text: await readFile(portwright.file, "utf8"),
    inForce: inForce?.text,
    generation: inForce?.generation.number,
    wanted: portwright.store.wanted().map(({ service }) => service),
    journals: portwright.plans.journals().length,
  };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, verb, args } = JSON.parse(line) as Command;
  const answer = verb === "state" ? state() : client.call(verb, args);
  answer.then(
    (told) => say({ id, told }),
    (error: { code?: string; message: string }) => say({ id, error: { code: error.code, message: error.message } }),
  );
});
say({ ready: true });
