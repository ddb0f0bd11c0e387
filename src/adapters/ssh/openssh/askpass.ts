import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";

/** What OpenSSH may ask for, and the references that answer. */
export interface Secrets {
  readonly password: (() => Promise<string>) | undefined;
  readonly passphrase: (() => Promise<string>) | undefined;
  /** A person at a terminal, for what no reference answers. */
  readonly typed?: ((prompt: string) => Promise<string>) | undefined;
  /** Something is asked for that only a person knows. An answer of nothing would count as a failed login, so there is none. */
  readonly onPersonWanted?: () => void;
}

/** A program for SSH_ASKPASS, and what it asks. */
export interface Askpass extends AsyncDisposable {
  readonly program: string;
  /** A reference that could not be resolved, or a passphrase that is asked for and not set: why the login will fail. */
  readonly problem: ConnectivityError | undefined;
  /** What was answered, never its value. */
  readonly answered: readonly ("password" | "passphrase")[];
  /** Something was asked for after the password was given, that is not the password again: a person has to type it. */
  readonly wantsPerson: boolean;
}

const longestPrompt = 1024;
/** Without a person the answer is there at once; with one it takes as long as the server waits. */
const answerMs = 10_000;
const typingMs = 5 * 60_000;
const mostTyped = 16;

/**
 * Answers OpenSSH's prompts over a Unix socket in a private folder: OpenSSH runs the program with the prompt, the program
 * passes it on and prints the answer. So no secret is in arguments, the environment or a file. Each secret is given once:
 * a second question means that the first answer was refused.
 * @param dir a folder of mode 0700
 */
export async function startAskpass(dir: string, secrets: Secrets): Promise<Askpass> {
  const socketPath = path.join(dir, "a");
  const program = path.join(dir, "askpass");
  await writeFile(program, script(socketPath), { mode: 0o700 });
  const sockets = new Set<net.Socket>();
  const answered: ("password" | "passphrase")[] = [];
  let problem: ConnectivityError | undefined;
  let wantsPerson = false;

  const answer = async (prompt: string): Promise<string | undefined> => {
    const keyFile = /^Enter passphrase for (?:key )?'?(.*?)'?: ?$/s.exec(prompt)?.[1];
    const what = keyFile === undefined ? "password" : "passphrase";
    const resolve = secrets[what];
    if (secrets.typed && (resolve === undefined || answered.includes(what))) return byPerson(secrets.typed, prompt);
    if (resolve === undefined || answered.includes(what)) {
      if (what === "passphrase") {
        problem ??= new ConnectivityError(
          "ssh_key_passphrase_required",
          resolve === undefined
            ? "the key is encrypted and no passphrase is set"
            : "the passphrase does not open the key",
          { key_file: keyFile ?? "", ...(resolve !== undefined && { passphrase: "refused" }) },
        );
      } else if (!asksPassword.test(prompt)) {
        wantsPerson = true;
        secrets.onPersonWanted?.();
        return new Promise(() => {});
      }
      return undefined;
    }
    answered.push(what);
    try {
      return await resolve();
    } catch (error) {
      if (error instanceof ConnectivityError) problem ??= error;
      return undefined;
    }
  };
  let asked = 0;
  const byPerson = async (typed: (prompt: string) => Promise<string>, prompt: string): Promise<string | undefined> => {
    if (++asked > mostTyped) return undefined;
    try {
      return await typed(prompt);
    } catch (error) {
      problem ??= toConnectivityError(error);
      return undefined;
    }
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let prompt = "";
    socket.setTimeout(secrets.typed ? typingMs : answerMs, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      prompt += chunk.toString("utf8");
      if (prompt.length > longestPrompt) socket.destroy();
    });
    socket.on("end", () => {
      void answer(prompt).then((secret) => socket.end(secret === undefined ? "" : `+${secret}`));
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    program,
    get problem() {
      return problem;
    },
    answered,
    get wantsPerson() {
      return wantsPerson;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** OpenSSH's own prompt of the method `password`, which comes after the same password was refused by keyboard-interactive. */
const asksPassword = /'s password: ?$/;

/** Ends with 1 when there is no answer, which OpenSSH takes for a prompt that was cancelled. */
function script(socketPath: string): string {
  const code = [
    'const{stdout}=process,s=require("net").connect(process.argv[1]);let a="";',
    's.on("error",()=>process.exit(1));s.setEncoding("utf8");s.on("data",(c)=>a+=c);',
    's.on("end",()=>{if(a[0]!=="+")process.exit(1);stdout.write(a.slice(1)+"\\n")});',
    's.end(process.argv[2]||"");',
  ].join("");
  return `#!/bin/sh\nunset NODE_OPTIONS\nexec ${shellWord(process.execPath)} -e ${shellWord(code)} ${shellWord(socketPath)} "$1"\n`;
}

/** In single quotes, for a POSIX shell. */
export const shellWord = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
