import { Writable } from "node:stream";
import { consoleToStderr } from "./console-to-stderr.ts";

/**
 * stdout for JSON-RPC alone, in a process that also runs everything else: what a library prints from now on goes to
 * stderr, by `console` or by `process.stdout`.
 */
export function stdoutForJsonRpc(): Writable {
  consoleToStderr();
  const write = process.stdout.write.bind(process.stdout);
  const output = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, encoding, done) => void write(chunk, encoding, done),
  });
  process.stdout.on("error", (error) => output.destroy(error));
  process.stderr.on("error", () => {});
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return output;
}
