import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import type { ClientHello, ClientSession } from "./client.ts";
import type { ConfigSource, VariableLookup } from "./ports/config-source.ts";
import type { StateStore } from "./ports/state-store.ts";

/** How many environments are kept for a workspace: of the newest clients, also after they went away. */
const keptEnvironments = 8;
const noWorkspace = "";

type Environment = Readonly<Record<string, string>>;

export interface ClientsDependencies {
  readonly configSource: ConfigSource;
  readonly store: StateStore;
  /** The daemon's own environment: the last to be asked. */
  readonly ownEnvironment: Environment;
  /** A client with another environment came: what waits for a variable, a program or an agent may go on. */
  onEnvironment(workspace: string): void;
  nowMs(): number;
}

/** Who is connected, and the environments that they brought. In memory only. */
export class Clients {
  readonly #deps: ClientsDependencies;
  readonly #sessions = new Map<string, ClientSession & { displayName: string }>();
  readonly #environments = new Map<string, { clientId: string; env: Environment }[]>();

  constructor(deps: ClientsDependencies) {
    this.#deps = deps;
  }

  /** Finds the client's workspace and takes its environment over. A missing `--config` is the session's `error`. */
  async connect(hello: ClientHello): Promise<ClientSession> {
    const lookup: VariableLookup = (name) => hello.env[name];
    let workspace: string | undefined;
    let error: Failure | undefined;
    try {
      workspace = await this.#deps.configSource.find({ cwd: hello.cwd, config: hello.config, lookup });
    } catch (thrown) {
      if (!(thrown instanceof ConnectivityError)) throw thrown;
      error = thrown.toFailure();
    }
    if (hello.config === undefined) workspace ??= this.#deps.store.lastWorkspace();
    if (workspace !== undefined) this.#deps.store.rememberWorkspace(workspace, this.#deps.nowMs());
    this.#takeEnvironment(workspace ?? noWorkspace, hello);
    return this.#register(hello, workspace, error);
  }

  /** Whether a client is connected now: only then does its lease count. */
  isConnected(clientId: string): boolean {
    return this.#sessions.has(clientId);
  }

  /** Names of the clients that work with a workspace. */
  names(workspace: string): { readonly id: string; readonly name: string }[] {
    return [...this.#sessions.values()]
      .filter((session) => session.workspace === workspace)
      .map(({ hello, displayName }) => ({ id: hello.id, name: displayName }));
  }

  nameOf(clientId: string): string | undefined {
    return this.#sessions.get(clientId)?.displayName;
  }

  /** The environments of a workspace's clients as one: the newest wins, our own is last; `PATH` is that of all, newest first. */
  environment(workspace: string): Environment {
    const layers = [...(this.#environments.get(workspace) ?? []).map(({ env }) => env), this.#deps.ownEnvironment];
    const path = layers.flatMap((env) => env["PATH"]?.split(":") ?? []).filter(Boolean);
    return { ...Object.assign({}, ...layers.toReversed()), PATH: [...new Set(path)].join(":") } as Environment;
  }

  #takeEnvironment(workspace: string, { id, env }: ClientHello): void {
    const others = (this.#environments.get(workspace) ?? []).filter(({ clientId }) => clientId !== id);
    this.#environments.set(workspace, [{ clientId: id, env }, ...others].slice(0, keptEnvironments));
    if (workspace !== noWorkspace) this.#deps.onEnvironment(workspace);
  }

  #register(hello: ClientHello, workspace: string | undefined, error: Failure | undefined): ClientSession {
    const session = {
      hello,
      workspace,
      ...(error && { error }),
      displayName: hello.name,
      rename: (name: string) => {
        session.displayName = name;
      },
      [Symbol.dispose]: () => {
        // A reconnected client has a newer session under the same id: that one stays.
        if (this.#sessions.get(hello.id) !== session) return;
        this.#sessions.delete(hello.id);
        this.#deps.store.dropClient(hello.id);
      },
    };
    this.#sessions.set(hello.id, session);
    return session;
  }
}
