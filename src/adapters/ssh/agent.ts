import ssh2, { type BaseAgent, type ParsedKey, type SignCallback, type SigningRequestOptions } from "ssh2";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A socket file whose agent does not answer (a dead forward of another session) must not hold the dial. */
const listTimeoutMs = 3000;

/** What an agent holds, and the agent to sign with. */
export interface AgentKeys {
  readonly keys: readonly ParsedKey[];
  /** An agent for ssh2 that offers these keys in this order. */
  offering(keys: readonly ParsedKey[]): BaseAgent;
}

/**
 * @param named `~/.ssh/config` names it (`IdentityAgent`), not the environment
 * @throws ConnectivityError `ssh_agent_unavailable` when nothing answers at the socket; the signal's reason
 */
export async function askAgent(socketPath: string, signal: AbortSignal, named: boolean): Promise<AgentKeys> {
  signal.throwIfAborted();
  const agent = ssh2.createAgent(socketPath);
  const listed = Promise.withResolvers<readonly ParsedKey[]>();
  const unavailable = (cause?: unknown): ConnectivityError =>
    new ConnectivityError(
      "ssh_agent_unavailable",
      `the SSH agent named by ${named ? "IdentityAgent of ~/.ssh/config" : "SSH_AUTH_SOCK"} does not answer`,
      { socket: socketPath, named_by: named ? "IdentityAgent" : "SSH_AUTH_SOCK" },
      { cause },
    );
  const timer = setTimeout(() => listed.reject(unavailable()), listTimeoutMs);
  const onAbort = (): void => listed.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  agent.getIdentities((error, keys) => {
    if (error) return listed.reject(unavailable(error));
    const parsed = (keys ?? []).map((key) => ssh2.utils.parseKey(key as ParsedKey));
    listed.resolve(parsed.filter((key): key is ParsedKey => !(key instanceof Error)));
  });
  try {
    const keys = await listed.promise;
    return { keys, offering: (chosen) => new OfferingAgent(agent, chosen) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Offers the given keys only, in the given order; signs with the real agent. */
class OfferingAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #keys: readonly ParsedKey[];

  constructor(agent: BaseAgent, keys: readonly ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }

  override getIdentities(callback: (error?: Error, keys?: ParsedKey[]) => void): void {
    callback(undefined, [...this.#keys]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === "function") this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, callback);
  }
}
