/**
 * Reads along what OpenSSH says while it connects and logs in (`LogLevel DEBUG1`), as evidence in our own words. Only fixed
 * forms are taken over; the rest is kept as the last lines, for `untrusted`.
 */
export class LoginLog {
  readonly #last: string[] = [];
  readonly #tried: string[] = [];
  readonly #facts = new Map<string, string>();
  #methods: readonly string[] = [];
  #phase: "start" | "connected" | "host_verified" | "authenticated" | "ready" = "start";
  #seen = new Set<Sign>();

  take(line: string): void {
    for (const [sign, pattern] of signs) if (pattern.test(line)) this.#seen.add(sign);
    for (const [name, pattern] of facts) {
      const value = pattern.exec(line)?.[1];
      if (value !== undefined) this.#facts.set(name, value);
    }
    const methods = /^debug1: Authentications that can continue: (\S+)/.exec(line)?.[1];
    if (methods) this.#methods = methods.split(",").map((name) => (methodNames.includes(name) ? name : "other"));
    const key = /^debug1: Offering public key: (.*) ([A-Z0-9-]+) (SHA256:[A-Za-z0-9+/]{43})/.exec(line);
    if (key) this.#tried.push(`key ${key[1]} (${key[2]})`);
    const method = /^debug1: Next authentication method: (\S+)/.exec(line)?.[1];
    if (method && method !== "publickey" && methodNames.includes(method)) this.#tried.push(method);
    if (line.startsWith("debug1: Connection established")) this.#phase = "connected";
    if (/^debug1: (SSH2_MSG_NEWKEYS sent|Will attempt key)/.test(line)) this.#phase = "host_verified";
    if (line.startsWith("Authenticated to ")) this.#phase = "authenticated";
    if (line === "debug1: Entering interactive session.") this.#phase = "ready";
    if (!line.startsWith("debug")) {
      this.#last.push(line.slice(0, 300));
      if (this.#last.length > 12) this.#last.shift();
    }
  }

  get phase(): "start" | "connected" | "host_verified" | "authenticated" | "ready" {
    return this.#phase;
  }
  get methods(): readonly string[] {
    return this.#methods;
  }
  /** Keys and methods in order, never a value. */
  get tried(): readonly string[] {
    return this.#tried;
  }
  /** What OpenSSH or the server said beside its log: text from outside. */
  get said(): string | undefined {
    return this.#last.length === 0 ? undefined : this.#last.join("\n");
  }
  saw(sign: Sign): boolean {
    return this.#seen.has(sign);
  }
  fact(name: FactName): string | undefined {
    return this.#facts.get(name);
  }
}

/** Names that a server may say (RFC 4252 §7-9, RFC 4256, RFC 4462); others are outside text. */
const methodNames = ["publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "gssapi-keyex"];

const signs = [
  ["host_key_unknown", /^No \S+ host key is known for .* and you have requested strict checking/],
  ["host_key_changed", /^@ +WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!/],
  ["host_key_revoked", /REVOKED HOST KEY DETECTED|^Host key .* is revoked|revoked by file/i],
  ["host_key_refused", /^Host key verification failed/],
  ["certificate_invalid", /^Certificate invalid: /],
  ["unresolved", /Could not resolve hostname/],
  ["no_route", /connect to (?:host|address) .*: (?:No route to host|Network is unreachable)/],
  ["refused", /connect to (?:host|address) .*: Connection refused/],
  ["timed_out", /connect to (?:host|address) .*: (?:Connection|Operation) timed out/],
  ["no_banner", /Connection timed out during banner exchange|banner exchange: Connection .* timed out/],
  ["full", /banner line \d+: (?:Exceeded MaxStartups|Not allowed at this time)/],
  [
    "not_ssh",
    /Protocol mismatch|banner line contains invalid characters|message authentication code incorrect|Bad packet length/,
  ],
  ["other_banner", /^debug1: kex_exchange_identification: banner line /],
  ["no_common", /no matching (?:host key type|key exchange method|cipher|MAC) found/],
  ["broke_off", /kex_exchange_identification: |Connection (?:closed|reset) by /],
  ["partial", /^Authenticated (?:using "\S{1,40}" )?with partial success/],
  ["denied", /Permission denied \([^)]*\)/],
  ["too_many", /Too many authentication failures/],
  ["no_identity", /no such identity: /],
  ["key_permissions", /UNPROTECTED PRIVATE KEY FILE/],
  ["key_unreadable", /^(?:Load key|Could not load|debug1: .*Load key) .*: (?:Permission denied|invalid format)/],
  [
    "agent_gone",
    /ssh_get_authentication_socket|get_agent_identities: (?:ssh_)?(?:agent|get)|Could not open a connection to your authentication agent/,
  ],
  ["agent_refused", /agent refused operation/],
  [
    "bad_configuration",
    /Bad configuration option|bad configuration options|Bad owner or permissions|^(?!debug).* line \d+: /,
  ],
  ["silent_peer", /^Timeout, server .* not responding/],
  ["closed_by_server", /^Connection to .* closed by remote host/],
] as const;
type Sign = (typeof signs)[number][0];

const facts = [
  ["fingerprint", /^debug1: Server host (?:key|certificate): \S+ (SHA256:[A-Za-z0-9+/]{43})/],
  ["key_type", /^debug1: Server host (?:key|certificate): ([a-z0-9@.-]{1,64}) /],
  ["accepted_key", /^debug1: Server accepts key: (\/.*) [A-Z0-9-]+ SHA256:/],
  ["offending_line", /^Offending \S+ key in .*:(\d{1,9})$/],
  ["offending_file", /^Offending \S+ key in (.*):\d{1,9}$/],
  ["cipher", /^debug1: kex: client->server cipher: ([a-z0-9@.-]{1,64}) /],
  ["mac", /^debug1: kex: client->server .* MAC: ([a-z0-9@.-]{1,64}|<implicit>) /],
  ["kex", /^debug1: kex: algorithm: ([a-z0-9@.-]{1,64})$/],
  ["host_key", /^debug1: kex: host key algorithm: ([a-z0-9@.-]{1,64})$/],
  ["identification", /^debug1: Remote protocol version \S+, remote software version (\S{1,100})/],
] as const;
type FactName = (typeof facts)[number][0];
