import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Runs in the worker: ssh2 opens the key and gives it back without a passphrase, or nothing. */
const code = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { utils } = require("node:module").createRequire(workerData.from)("ssh2");
  const parsed = utils.parseKey(workerData.text, workerData.passphrase);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  parentPort.postMessage(key instanceof Error || !key.isPrivateKey() ? "" : key.getPrivatePEM());
`;

/**
 * Opens an encrypted key of OpenSSH's form in a thread of its own: its derivation of a key from the passphrase (bcrypt,
 * hundreds of milliseconds of JavaScript) would hold every forwarded byte up.
 * @returns the key in PEM, or `undefined` when the passphrase does not open it
 */
export async function unlockKey(text: string, passphrase: string): Promise<string | undefined> {
  const worker = new Worker(code, { eval: true, workerData: { text, passphrase, from: import.meta.url } });
  try {
    const [pem] = (await once(worker, "message", { signal: AbortSignal.timeout(longestMs) })) as [string];
    return pem === "" ? undefined : pem;
  } finally {
    await worker.terminate();
  }
}

/** A key may ask for more rounds than anybody waits for. */
const longestMs = 60_000;
