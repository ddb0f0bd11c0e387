import type { AnyAuthMethod, ParsedKey } from "ssh2";
import type { Access } from "#application/ports/access.ts";
import type { Interaction } from "#application/ports/interaction.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { askAgent, type AgentKeys } from "./agent.ts";
import { loadPrivateKey, publicHalf } from "./private-key.ts";
import { loginCommand } from "./person-commands.ts";
import { passwordOffers, typedOffers, type Offer } from "./secret-offers.ts";
import type { SshSettings } from "./settings.ts";

/** Why something that should have been there was not offered. */
interface Problems {
  readonly all: readonly ConnectivityError[];
  /** The cause when nothing was offered at all. */
  readonly worst: ConnectivityError | undefined;
  /** The cause even when something else was offered and refused: the one key that was named, or the agent where it is all there is. */
  readonly decisive: ConnectivityError | undefined;
}

/** Names that a server may say (RFC 4252 §7-9, RFC 4256, RFC 4462); others are outside text. */
const methodNames = ["publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "gssapi-keyex"];

/** What is there to log in with, prepared before the dial, and offered one by one as the server allows. */
export class Authentication {
  readonly #settings: SshSettings;
  readonly #user: string;
  readonly #offers: Offer[];
  readonly #problems: Problems;
  readonly #tried: string[] = [];
  #serverOffers: readonly string[] = [];
  #partial = false;
  #wantsPerson = false;
  #stuck: (error: unknown) => void = () => undefined;

  private constructor(settings: SshSettings, offers: Offer[], problems: Problems) {
    this.#settings = settings;
    this.#user = settings.user;
    this.#offers = offers;
    this.#problems = problems;
  }

  /**
   * The order of OpenSSH: keys of the agent (those of the key files first), key files, the password, then what a person types.
   * @param interaction the person at a terminal, when there is one
   * @throws ConnectivityError when there is nothing to offer: what is wrong with what there should be
   */
  static async prepare(
    settings: SshSettings,
    access: Access,
    signal: AbortSignal,
    interaction?: Interaction,
  ): Promise<Authentication> {
    const attempt = async <T>(work: Promise<T>): Promise<T | ConnectivityError> => {
      try {
        return await work;
      } catch (error) {
        signal.throwIfAborted();
        return toConnectivityError(error);
      }
    };
    const { passphrase, password, resolved } = settings;
    const { publicKeyAuthentication } = resolved;
    const agentSocket = publicKeyAuthentication ? settings.agentSocket : undefined;
    const askPassphrase = passphrase === undefined ? undefined : () => access.resolve(passphrase, signal);
    const asked =
      agentSocket === undefined ? undefined : await attempt(askAgent(agentSocket, signal, resolved.agentNamed));
    const agentProblem = asked instanceof ConnectivityError ? asked : undefined;
    const agent = asked instanceof ConnectivityError ? undefined : asked;
    const holds = (blob: Buffer | undefined): boolean =>
      blob !== undefined && (agent?.keys ?? []).some((key) => key.getPublicSSH().equals(blob));

    const keyProblems: ConnectivityError[] = [];
    const files: { path: string; key: ParsedKey | undefined; blob: Buffer | undefined }[] = [];
    for (const path of publicKeyAuthentication ? settings.keyFiles : []) {
      const blob = await publicHalf(path);
      // The agent signs with it: no need to open it, which for an encrypted key takes half a second of this thread.
      const loaded = holds(blob) ? undefined : await attempt(loadPrivateKey(path, askPassphrase));
      const key = loaded instanceof ConnectivityError ? undefined : loaded;
      if (loaded instanceof ConnectivityError && (settings.keysNamed || loaded.code !== "ssh_key_missing")) {
        keyProblems.push(loaded);
      }
      files.push({ path, key, blob: key?.getPublicSSH() ?? blob });
    }
    const named = files.flatMap(({ blob }) => blob ?? []);
    const held = agentOrder(agent, named).filter(
      (key) => !resolved.identitiesOnly || named.some((blob) => blob.equals(key.getPublicSSH())),
    );
    const user = settings.user;
    const offers: Offer[] = [];
    if (agent && held.length > 0) {
      const label = `agent (${held.length} ${held.length === 1 ? "key" : "keys"})`;
      offers.push({
        method: "publickey",
        label,
        make: () => Promise.resolve({ type: "agent", username: user, agent: agent.offering(held) }),
      });
    }
    for (const { path, key } of files) {
      if (!key || holds(key.getPublicSSH())) continue;
      offers.push({
        method: "publickey",
        label: `key ${path}`,
        make: () => Promise.resolve({ type: "publickey", username: user, key }),
      });
    }
    const last = [
      ...(password === undefined ? [] : passwordOffers(user, () => access.resolve(password, signal))),
      ...(interaction ? typedOffers(settings, interaction) : []),
    ];
    offers.push(
      ...last.filter(({ method }) =>
        method === "password" ? resolved.passwordAuthentication : resolved.keyboardInteractiveAuthentication,
      ),
    );
    const namedOne = settings.keysNamed && settings.keyFiles.length === 1;
    const agentOnly = !settings.keysNamed && password === undefined;
    const problems: Problems = {
      all: [...keyProblems, ...(agentProblem ? [agentProblem] : [])],
      worst: worstOf(settings, keyProblems, agentProblem),
      decisive: namedOne ? keyProblems[0] : agentOnly ? agentProblem : undefined,
    };
    if (offers.length > 0) return new Authentication(settings, offers, problems);
    throw (
      problems.worst ??
      new ConnectivityError("ssh_key_missing", "there is no key, no agent with a key and no password to log in with", {
        user,
        looked_at: settings.keyFiles,
        agent: agent ? "empty" : "none",
        login_command: loginCommand(settings),
      })
    );
  }

  /**
   * What to send next, or `undefined` when everything that the server takes was refused.
   * @param left what the server still takes; `undefined` before it was asked
   * @throws ConnectivityError of the reference to a secret
   */
  async next(left: readonly string[] | null | undefined, partial: boolean): Promise<AnyAuthMethod | undefined> {
    // Asked first, as OpenSSH does: the answer names the methods, and costs no attempt.
    if (!left) return { type: "none", username: this.#user };
    this.#serverOffers = left;
    this.#partial ||= partial;
    const index = this.#offers.findIndex((offer) => left.includes(offer.method));
    const offer = this.#offers[index];
    if (!offer) return undefined;
    this.#offers.splice(index, 1);
    // One secret, one try: the other way to send the same password would only count as a second failure.
    const same = this.#offers.findIndex(({ method, label }) => method === offer.instead && label === offer.instead);
    if (same >= 0) this.#offers.splice(same, 1);
    this.#tried.push(offer.label);
    return offer.make((error) => {
      this.#wantsPerson ||= error === undefined;
      this.#stuck(error ?? this.failure(undefined, undefined));
    });
  }

  /** Calls back, with why, when the server asks for something that is not there and the login cannot go on. */
  onStuck(fail: (error: unknown) => void): void {
    this.#stuck = fail;
  }

  /** The methods by which the server takes what a person types, unless `~/.ssh/config` forbids them. */
  #takesTyped(): string[] {
    const { passwordAuthentication, keyboardInteractiveAuthentication } = this.#settings.resolved;
    return this.#serverOffers.filter(
      (name) =>
        (name === "keyboard-interactive" && keyboardInteractiveAuthentication) ||
        (name === "password" && passwordAuthentication),
    );
  }

  /** Whether what is missing is a person: the server takes what is typed, and nothing else that is left or would do. */
  #missesPerson(): boolean {
    const typed = this.#takesTyped();
    if (this.#wantsPerson) return true;
    const tried = (name: string): boolean => this.#tried.some((label) => label.startsWith(name));
    if (this.#partial) return typed.some((name) => !tried(name));
    return !typed.some(tried) && typed.length > 0 && typed.length === this.#serverOffers.length;
  }

  /** Why the login failed, with what was tried and what the server takes. */
  failure(cause: unknown, untrusted: string | undefined): ConnectivityError {
    const { all, worst, decisive } = this.#problems;
    // A server that has refused as often as it will (MaxAuthTries) ends the connection with this reason (RFC 4253 §11.1).
    const tooMany = [2, 14].includes(Number((cause as { code?: unknown } | undefined)?.code));
    const facts = {
      user: this.#user,
      tried: this.#tried,
      offered_by_server: this.#serverOffers.map((name) => (methodNames.includes(name) ? name : "other")),
      ...(all.length > 0 && { not_tried_because: all.map(({ code }) => code) }),
      ...(this.#partial && { partly_accepted: true }),
      ...(tooMany && { too_many_attempts: true }),
    };
    const options = { cause, ...(untrusted !== undefined && { untrusted }) };
    if (this.#missesPerson()) {
      const { name } = this.#settings;
      return new ConnectivityError(
        "ssh_login_required",
        `${name} asks ${this.#user} for what only a person types; log in once at a terminal`,
        { host: name, ...facts, login_command: loginCommand(this.#settings) },
        options,
      );
    }
    const blamed = decisive ?? (this.#tried.length === 0 ? worst : undefined);
    if (blamed) return new ConnectivityError(blamed.code, blamed.message, { ...blamed.facts, ...facts }, options);
    return new ConnectivityError(
      "ssh_authentication_failed",
      tooMany
        ? `the server ended the login as ${this.#user} after too many refused keys; name the right one (key_file) and set IdentitiesOnly`
        : this.#tried.length === 0
          ? `the server takes none of what there is to log in with as ${this.#user}`
          : `the server refused all that was offered to log in as ${this.#user}`,
      // What is typed would be another try.
      { ...facts, ...(this.#takesTyped().length > 0 && { login_command: loginCommand(this.#settings) }) },
      options,
    );
  }
}

/** A file of `~/.ssh/config` that is not there is passed over by OpenSSH, too: an agent that is gone says more. */
function worstOf(
  { keyNamed }: SshSettings,
  keys: readonly ConnectivityError[],
  agent: ConnectivityError | undefined,
): ConnectivityError | undefined {
  const telling = keyNamed === undefined ? keys.find(({ code }) => code !== "ssh_key_missing") : keys[0];
  return telling ?? agent ?? keys[0];
}

/** The agent's keys, those that key files name first. */
function agentOrder(agent: AgentKeys | undefined, named: readonly Buffer[]): ParsedKey[] {
  const rank = (key: ParsedKey): number => {
    const index = named.findIndex((blob) => blob.equals(key.getPublicSSH()));
    return index < 0 ? named.length : index;
  };
  return (agent?.keys ?? []).toSorted((left, right) => rank(left) - rank(right));
}
