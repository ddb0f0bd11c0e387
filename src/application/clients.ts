import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { cleanName } from "./surface/untrusted.ts";
import type { ClientHello, ClientSession } from "./client.ts";
import type { ConfigSource } from "./ports/config-source.ts";
import type { StateStore } from "./ports/state-store.ts";

/** How many environments are kept for a workspace: of the newest clients, also after they went away. */
const keptEnvironments = 8;
const noWorkspace = "";

type Environment = Readonly<Record<string, string>>;

/** What the surface sees, and what changes while the client is connected. */
interface Session extends ClientSession {
  workspace: string | undefined;
  error: Failure | undefined;
  borrowed: boolean;
  displayName: string;
}

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
  readonly #sessions = new Map<string, Session>();
  readonly #environments = new Map<string, { clientId: string; env: Environment }[]>();
  /** Those of a workspace as one: every service asks for variables again and again. */
  readonly #merged = new Map<string, Environment>();

  constructor(deps: ClientsDependencies) {
    this.#deps = deps;
  }

  /** Finds the client's workspace and takes its environment over. A missing `--config` is the session's `error`. */
  async connect(hello: ClientHello): Promise<ClientSession> {
    const session = this.#makeSession(hello);
    await this.#find(session);
    this.#takeEnvironment(session.workspace ?? noWorkspace, hello);
    this.#sessions.set(hello.id, session);
    return session;
  }

  /** Looks again for the configuration of a client that has none of its own (yet): it may be there by now. */
  async locate(client: ClientSession): Promise<void> {
    const session = this.#sessions.get(client.hello.id);
    if (session !== client || (session.workspace !== undefined && !session.borrowed)) return;
    const before = session.workspace;
    await this.#find(session);
    if (session.workspace !== before) this.#takeEnvironment(session.workspace ?? noWorkspace, session.hello);
  }

  /** Whether a client is connected now: only then does its lease count. */
  isConnected(clientId: string): boolean {
    return this.#sessions.has(clientId);
  }

  /** Names of the clients that work with a workspace. */
  names(workspace: string): { readonly id: string; readonly name: string }[] {
    return [...this.#sessions.values()]
      .filter((session) => (session.workspace ?? noWorkspace) === workspace)
      .map(({ hello, displayName }) => ({ id: hello.id, name: displayName }));
  }

  nameOf(clientId: string): string | undefined {
    return this.#sessions.get(clientId)?.displayName;
  }

  /** The environments of a workspace's clients as one: the newest wins, our own is last; `PATH` is that of all, newest first. */
  environment(workspace: string): Environment {
    const known = this.#merged.get(workspace) ?? this.#merge(workspace);
    this.#merged.set(workspace, known);
    return known;
  }

  #merge(workspace: string): Environment {
    const layers = [...(this.#environments.get(workspace) ?? []).map(({ env }) => env), this.#deps.ownEnvironment];
    const path = layers.flatMap((env) => env["PATH"]?.split(":") ?? []).filter(Boolean);
    return { ...Object.assign({}, ...layers.toReversed()), PATH: [...new Set(path)].join(":") } as Environment;
  }

  #takeEnvironment(workspace: string, { id, env }: ClientHello): void {
    const others = (this.#environments.get(workspace) ?? []).filter(({ clientId }) => clientId !== id);
    this.#environments.set(workspace, [{ clientId: id, env }, ...others].slice(0, keptEnvironments));
    this.#merged.delete(workspace);
    if (workspace !== noWorkspace) this.#deps.onEnvironment(workspace);
  }

  /** Its own file, else the one used last if it is still there. */
  async #find(session: Session): Promise<void> {
    const { configSource, store } = this.#deps;
    const { cwd, config, env } = session.hello;
    session.error = undefined;
    session.borrowed = false;
    try {
      session.workspace = await configSource.find({ cwd, config, lookup: (name) => env[name] });
    } catch (thrown) {
      if (!(thrown instanceof ConnectivityError)) throw thrown;
      session.workspace = undefined;
      session.error = thrown.toFailure();
      return;
    }
    if (session.workspace !== undefined) {
      store.rememberWorkspace(session.workspace, this.#deps.nowMs());
      return;
    }
    const last = store.lastWorkspace();
    if (last === undefined || (await configSource.fingerprint(last)) === undefined) return;
    session.workspace = last;
    session.borrowed = true;
  }

  #makeSession(hello: ClientHello): Session {
    const session: Session = {
      hello,
      workspace: undefined,
      error: undefined,
      borrowed: false,
      displayName: cleanName(hello.name),
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
    return session;
  }
}
