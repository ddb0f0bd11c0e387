import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ClientHello, ClientSession } from "#application/client.ts";
import type { Answer } from "#application/surface/tool-definition.ts";
import type { PersonRequest } from "#application/usecases/person-request.ts";
import type { PersonTalk } from "#application/usecases/person.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { StateStore } from "#application/ports/state-store.ts";
import type { Compose, McpConversation } from "#server/daemon/compose.ts";

/** What the real tools answer, by the contract, for the command line to show. */
const cannedAnswers: Readonly<Record<string, object>> = {
  apply_plan: {
    summary: "Applied as generation 15.",
    outcome: "applied",
    generation: 15,
    verified: [{ service: "redis", state: "ready", endpoint: "127.0.0.1:6379", by: "redis PING", ms: 6 }],
  },
  remove_service: {
    summary: "Remove cache.",
    plan_id: "remove-cache-11aa",
    risk: "review",
    reasons: ["it stops cache"],
  },
  configure_service: { summary: "Nothing would change.", changes: [] },
  start_environment: {
    summary: "dev: 1 of 2 ready.",
    state: "partial",
    environment: "dev",
    services: [
      { service: "cache", state: "ready", endpoint: "127.0.0.1:6379", verified: { by: "redis PING", ms: 8 } },
      { service: "db", state: "waiting", endpoint: "127.0.0.1:5432", code: "credentials_expired", blames: "staging" },
    ],
    env: [
      { name: "REDIS_URL", value: "redis://127.0.0.1:6379", service: "cache" },
      { name: "DATABASE_URL", value: "postgres://x", secret: { variable: "PGPASSWORD", given_by: "portwright run" } },
    ],
    user_steps: [{ do: "run", command: "aws sso login", why: "the session expired" }],
  },
  stop_environment: { summary: "Stopped 1.", stopped: ["cache"], kept: [{ service: "db", for: ["vscode"] }] },
  get_status: {
    summary: "dev: 1 of 2 ready.",
    state: "partial",
    not_ready: [
      { service: "db", state: "waiting", code: "credentials_expired", since_s: 720, endpoint: "127.0.0.1:5432" },
    ],
    ready: { columns: ["service", "port", "verified_s", "drops_24h"], rows: [["cache", 6379, 0, 0]] },
  },
  diagnose: {
    summary: "db fails because its container was killed for memory.",
    healthy: false,
    root_cause: {
      code: "container_oom_killed",
      message: "Killed at 256Mi.",
      evidence: [{ fact: "last termination", value: "OOMKilled", source: "pod db-0" }],
    },
    ladder: [{ rung: "workload", status: "failed", detail: "OOMKilled ×4", ms: 44 }],
    untrusted: { source: "log of pod db-0", text: "10:01 heap\n\u001b[2J10:02 Killed" },
  },
};

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly arguments?: Record<string, unknown>;
    readonly _meta?: Record<string, unknown>;
  };
  readonly result?: unknown;
}

/**
 * The smallest application that a daemon can run, with a real line-by-line JSON-RPC server: its tools say what the
 * daemon handed over (`echo`), wait for ever (`hang`), end the process (`crash`), want a service up (`want`), ask the
 * client something (`ask`), report progress (`slow`) or fail (`fail`).
 */
export const composeEcho: Compose = ({ stores: { state: store }, env }) => {
  let sessions = 0;
  return Promise.resolve({
    application: {
      connect: (hello) => {
        sessions++;
        return Promise.resolve(sessionOf(hello, () => sessions--, store));
      },
      restore: () => Promise.resolve(),
      person: (request, _client, talk) => echoPerson(request, talk),
      status: () => ({
        services: { wanted: store.wanted().length, ready: 0, defined: sessions },
        connections: Number(env["PORTWRIGHT_TEST_CONNECTIONS"] ?? 0),
      }),
      close: () => Promise.resolve(),
    },
    serveMcp: (input, output, session) => echoServer(input, output, session, store),
  });
};

/** Shows one plan and one key, and takes the answers that fit them. */
function echoPerson(request: PersonRequest, { interaction }: PersonTalk): Promise<Answer> {
  const refused = (): Promise<never> =>
    Promise.reject(new ConnectivityError("plan_stale", "it is not the one that was shown"));
  switch (request.ask) {
    case "propose":
      return Promise.resolve({
        summary: "No portwright.yaml here.",
        state: "proposal",
        plan_id: "new-dev-7c2f",
        confirm: "Writes portwright.yaml with redis from context staging and starts them.",
        services: [
          { service: "redis", from: "REDIS_URL", target: "staging/data/service/redis:6379", certainty: "name matches" },
          { service: "orders", from: "ORDERS_URL", candidates: ["a/b/service/orders:80", "c/b/service/orders:80"] },
        ],
      });
    case "plan":
      if (request.plan !== "add-redis-7c2f")
        return Promise.reject(new ConnectivityError("unknown_plan", "no such plan"));
      return Promise.resolve({
        summary: "Add redis.",
        plan_id: request.plan,
        digest: "d1",
        risk: "restricted",
        reasons: ["it touches production"],
        confirm: "Add redis.",
        changes: [{ id: "redis", op: "add", file: "portwright.yaml:3", yaml: "- name: redis\n" }],
        impact: { starts: ["redis"], restarts: [], stops: [], breaks_connections: 0 },
        trusts: [{ where: "redis", key: "connection.password", text: "${file:\u001b[2Jpw}" }],
      });
    case "approve":
      return request.digest === "d1" ? Promise.resolve({ summary: "add-redis-7c2f is approved." }) : refused();
    case "trust_keys":
      return Promise.resolve({
        summary: "1 key",
        workspace: "/w/portwright.yaml",
        digest: "t1",
        trusted: false,
        keys: [{ where: "db", key: "connection.password", text: "${command:pass db}" }],
      });
    case "trust":
      return request.digest === "t1" ? Promise.resolve({ summary: "trusted", trusted: true }) : refused();
    case "distrust":
      return Promise.resolve({ summary: "not trusted any more", trusted: false });
    case "ssh_login":
      return interaction
        .answer({
          from: "me@bastion",
          name: "PAM\u001b[2J",
          instruction: "two\nlines",
          prompts: [
            { text: "Code: ", echo: true },
            { text: "Password: ", echo: false },
          ],
        })
        .then((answers) => ({ summary: `${request.host} heard ${answers.join(" and ")}`, logged_in: true }));
  }
}

const sessionOf = (hello: ClientHello, leave: () => void, store: StateStore): ClientSession => ({
  hello,
  workspace: hello.config,
  rename: () => {},
  [Symbol.dispose]: () => {
    leave();
    store.dropClient(hello.id);
  },
});

function echoServer(input: Readable, output: Writable, session: ClientSession, store: StateStore): McpConversation {
  const seen: string[] = [];
  let asked: number | string | undefined;
  const send = (message: object): void => void output.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const lines = createInterface({ input });
  const closed = new Promise<void>((resolve) => void lines.once("close", resolve));

  const answers: Record<string, (id: number | string, message: Message) => void> = {
    echo: (id, { params }) => {
      const { env, ...hello } = session.hello;
      send({
        id,
        result: {
          content: [],
          structuredContent: {
            summary: "echo",
            arguments: params?.arguments,
            pid: process.pid,
            seen,
            hello,
            marker: env["ECHO_MARKER"],
            tools: env["PORTWRIGHT_TOOLS"],
            daemon_env: Object.keys(process.env).toSorted(),
          },
        },
      });
    },
    hang: () => {},
    throw: () => void setImmediate(() => JSON.parse("an exception that nobody catches")),
    reject: (id) => {
      void Promise.reject(new TypeError("a promise that nobody waits for"));
      send({ id, result: { content: [], structuredContent: { summary: "rejected" } } });
    },
    crash: () => process.kill(process.pid, "SIGKILL"),
    want: (id) => {
      store.setWanted({ workspace: "/w", service: "db" }, { clientId: session.hello.id, clientName: "c" }, 1);
      send({ id, result: { content: [], structuredContent: { summary: "wanted" } } });
    },
    ask: (id) => {
      asked = id;
      send({ id: 1, method: "elicitation/create", params: { message: "?" } });
    },
    slow: (id, { params }) => {
      const progressToken = params?.["_meta"]?.["progressToken"];
      if (progressToken !== undefined)
        send({ method: "notifications/progress", params: { progressToken, progress: 1, message: "dialling" } });
      send({ id, result: { content: [], structuredContent: { summary: "slow" } } });
    },
    fail: (id) =>
      send({
        id,
        result: {
          isError: true,
          content: [],
          structuredContent: { summary: "it failed", error: { code: "unknown_service", message: "no such service" } },
        },
      }),
  };

  for (const [tool, structuredContent] of Object.entries(cannedAnswers)) {
    answers[tool] = (id, { params }) => {
      const asked = JSON.stringify(params?.arguments);
      send({ id, result: { content: [], structuredContent: { ...structuredContent, asked } } });
    };
  }

  lines.on("line", (line) => {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      return;
    }
    const { id, method } = message;
    if (method !== undefined) seen.push(method);
    if (id === undefined) return;
    if (method === "initialize") send({ id, result: { protocolVersion: "2025-11-25", serverInfo: { name: "echo" } } });
    else if (method === "tools/call") {
      const answer = answers[message.params?.name ?? ""];
      if (answer === undefined) send({ id, error: { code: -32602, message: "Unknown tool" } });
      else answer(id, message);
    } else if (method !== undefined) send({ id, result: {} });
    else if (asked !== undefined) {
      send({ id: asked, result: { content: [], structuredContent: { summary: "asked", said: message.result } } });
    }
  });
  return { closed, close: () => Promise.resolve(lines.close()) };
}
