import type { Access } from "#application/ports/access.ts";
import type { Interaction } from "#application/ports/interaction.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { DialLimits } from "./dial.ts";
import { dialServer } from "./dial-server.ts";
import { hopRoute } from "./hop-route.ts";
import { limitsOf } from "./limits-of.ts";
import { loginSignature } from "./login-signature.ts";
import { PooledServer, type Dial, type Lease, type PoolTiming } from "./pooled-server.ts";
import { proxyCommandRoute, proxyWords } from "./proxy-command.ts";
import { connectionKey, declaredBy, resolveSettings, type ServerDeclaration, type SshSettings } from "./settings.ts";

/** An SSH server with all that is needed to log in there; nothing is dialled yet. */
export interface Server {
  readonly settings: SshSettings;
  readonly route: Route | undefined;
  /** For people: every hop and this server. */
  readonly via: string;
  /** What makes two of them share a connection. */
  readonly key: string;
  /** A share of the pooled connections. @throws ConnectivityError; the signal's reason */
  acquire(signal: AbortSignal): Promise<Lease>;
  /** Calls back when the server, which could not be reached, can be again. */
  watch(onChange: () => void): Disposable;
}

/** A server that is there answers a question within this, also over a slow way. */
const answerMs = 2000;

/** The server's own limit (LoginGraceTime, two minutes) comes first. */
const typingMs = 5 * 60_000;

/** Names of servers whose own hops are being followed. */
type Path = readonly string[];

/** Finds SSH servers, and holds the connections to them that services and hops share. */
export class Servers {
  readonly limits: DialLimits;
  readonly #timing: PoolTiming;
  readonly #pool = new Map<string, PooledServer>();
  #closed = false;

  constructor(limits: DialLimits, timing: PoolTiming) {
    this.limits = limits;
    this.#timing = timing;
  }

  /**
   * @param given the hops before it; without them those of `~/.ssh/config` (`ProxyJump`, `ProxyCommand`)
   * @param interaction who answers what it and those hops ask for
   * @throws ConnectivityError `config_invalid`, `not_supported`
   */
  async find(
    declaration: ServerDeclaration,
    access: Access,
    given: Route | undefined,
    path: Path = [],
    interaction?: Interaction,
  ): Promise<Server> {
    const settings = await resolveSettings(declaration, access);
    const route = given ?? (await this.#ownRoute(settings, access, path, interaction));
    const key = connectionKey(settings, access, route);
    const limits = limitsOf(settings, this.limits);
    const dial = (signal: AbortSignal) => dialServer({ settings, access, limits, route, signal });
    const name = `ssh ${settings.name}`;
    return {
      settings,
      route,
      via: route ? `${route.via} → ${name}` : name,
      key,
      acquire: async (signal) => {
        signal.throwIfAborted();
        if (interaction) {
          const patient = { ...limits, loginMs: typingMs };
          const asking = (inner: AbortSignal) =>
            dialServer({ settings, access, limits: patient, route, signal: inner, interaction });
          return this.#pooled(key, dial).logIn(asking, signal);
        }
        return this.#pooled(key, dial).acquire(dial, () => loginSignature(settings, access), signal);
      },
      watch: (onChange) => this.#pooled(key, dial).watch(onChange),
    };
  }

  /** A way on from a server. @throws as `find` */
  async hop(
    declaration: ServerDeclaration,
    access: Access,
    given: Route | undefined,
    path: Path = [],
    interaction?: Interaction,
  ): Promise<Route> {
    return hopRoute(await this.find(declaration, access, given, path, interaction), this.limits);
  }

  /** The hops that the person's own files name for a server. Of those only the first may have hops of its own, as for `ssh`. */
  async #ownRoute(
    { name, driver, resolved }: SshSettings,
    access: Access,
    path: Path,
    interaction: Interaction | undefined,
  ): Promise<Route | undefined> {
    const { proxyJump, proxyCommand } = resolved;
    if (path.includes(name)) {
      const around = [...path, name].join(" → ");
      throw new ConnectivityError("config_invalid", `the hops of ~/.ssh/config lead in a circle: ${around}`, {
        host: name,
      });
    }
    if (proxyCommand !== undefined) {
      const words = proxyWords(proxyCommand);
      if (words) return proxyCommandRoute(words, access);
      // A shell runs it: OpenSSH does that itself.
      if (driver !== "ssh2") return undefined;
      throw new ConnectivityError(
        "not_supported",
        `the ProxyCommand of ${name} in ~/.ssh/config needs a shell; only a single program is run`,
        { host: name, option: "ProxyCommand" },
      );
    }
    let route: Route | undefined;
    for (const jump of proxyJump ?? [])
      route = await this.hop(declaredBy(jump), access, route, [...path, name], interaction);
    return route;
  }

  /** Ends the connections that do not answer soon: those that a sleep or a change of network left behind. */
  async verify(): Promise<void> {
    await Promise.all([...this.#pool.values()].map((server) => server.verify(answerMs)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#pool.values()];
    this.#pool.clear();
    await Promise.all(all.map((server) => server.close()));
  }

  #pooled(key: string, dial: Dial): PooledServer {
    if (this.#closed) throw new ConnectivityError("connection_lost", "the SSH driver was closed");
    let server = this.#pool.get(key);
    if (!server) this.#pool.set(key, (server = new PooledServer(dial, this.#timing, () => this.#pool.delete(key))));
    return server;
  }
}
