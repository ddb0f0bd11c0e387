import { PassThrough, Writable } from "node:stream";

/** This process's standard streams and its end, replaced for one test of what owns them; disposing puts all back. */
export interface OwnProcess extends Disposable {
  /** What is written here comes in as `process.stdin`. */
  readonly stdin: PassThrough;
  /** What went to `process.stdout`, as it comes. */
  readonly stdout: PassThrough;
  stderr(): string;
  /** The exit codes that were asked for; the call throws instead of ending. */
  readonly exits: number[];
}

/** What `process.exit` throws here. */
export class Exited extends Error {}

const replaced = ["stdin", "stdout", "stderr", "exit", "argv"] as const;

/** @param argv what `process.argv` holds after the program: the file of the command first */
export function replaceOwnProcess(argv: readonly string[] = []): OwnProcess {
  const before = replaced.map((name) => [name, Object.getOwnPropertyDescriptor(process, name)] as const);
  // A plain value of the process, which nobody may redefine.
  const { exitCode } = process;
  const { log, info, debug, dir, table } = console;
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  let said = "";
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      said += chunk.toString();
      done();
    },
  });
  const exits: number[] = [];
  const exit = (code: number): never => {
    exits.push(code);
    throw new Exited(`exit ${code}`);
  };
  const values = { stdin, stdout, stderr, exit, argv: [process.execPath, ...argv] };
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true, enumerable: true });
  }
  return {
    stdin,
    stdout,
    stderr: () => said,
    exits,
    [Symbol.dispose]: () => {
      for (const [name, descriptor] of before) if (descriptor) Object.defineProperty(process, name, descriptor);
      process.exitCode = exitCode;
      Object.assign(console, { log, info, debug, dir, table });
    },
  };
}
