import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import type { Application } from "#application/portwright.ts";
import type { ClientSession } from "#application/client.ts";
import type { Answer, CallContext } from "#application/surface/tool-definition.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import { composeDaemon } from "../../../src/composition.ts";
import { told } from "../../../src/server/mcp/boundary.ts";
import { apply, kubectl, makeNamespace } from "../../support/cluster.ts";
import { eventually } from "../../support/eventually.ts";
import { testbed } from "../../support/testbed.ts";
import type { Fault, StagedPod } from "./fault.ts";
import { goodConfig, Stage } from "./stage.ts";

/** Diagnoses at the same time: so many services as one environment has. */
const atOnce = 3;
const stagingMs = 150_000;
/** After a start a service has this long to become ready, or to know why not. */
const settleMs = 12_000;

export interface FaultResult {
  readonly name: string;
  readonly fault: Fault;
  readonly found: string | undefined;
  readonly ms: number;
  readonly tokens: number;
  /** The same question again. */
  readonly again: string | undefined;
  readonly problems: readonly string[];
  readonly answer: Answer | undefined;
}

/** All folders beside this file that hold a fault, or those whose names contain one of the words. */
export async function loadFaults(words: readonly string[] = []): Promise<Map<string, Fault>> {
  const names = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .toSorted();
  const faults = new Map<string, Fault>();
  for (const name of names) {
    const { default: fault } = (await import(`./${name}/fault.ts`)) as { default: Fault };
    faults.set(name, fault);
  }
  return faults;
}

/** Stages all faults in one namespace, asks `diagnose` about each, cleans up. `onResult` is told of each as it comes. */
export async function runFaults(
  faults: ReadonlyMap<string, Fault>,
  onResult: (result: FaultResult) => void,
): Promise<FaultResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "pw-faults-"));
  await using theatre = await openTheatre(folder, faults);
  const results: FaultResult[] = [];
  const waiting = [...faults].toSorted(
    ([, left], [, right]) => Number(left.until !== undefined) - Number(right.until !== undefined),
  );
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = await theatre.next(waiting); next; next = await theatre.next(waiting)) {
        const result = await theatre.play(next[0], next[1]);
        results.push(result);
        onResult(result);
      }
    }),
  );
  return results.toSorted((left, right) => left.name.localeCompare(right.name));
}

interface Theatre extends AsyncDisposable {
  /** The first fault whose pods are where they are to be; waits until one is. */
  next(waiting: [string, Fault][]): Promise<[string, Fault] | undefined>;
  play(name: string, fault: Fault): Promise<FaultResult>;
}

async function openTheatre(folder: string, faults: ReadonlyMap<string, Fault>): Promise<Theatre> {
  const stores = openStores(join(folder, "state.db"));
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
  const env = { PATH: process.env["PATH"] };
  const composed = await composeDaemon({ stores, log: quiet, version: "0.0.0", env, homeDir: folder });
  const application = composed.application as Application;
  const shared = await makeNamespace("pw-faults");
  const own: string[] = [];
  const good = await goodConfig();
  const stages = new Map<string, Stage>();
  const manifests: object[] = [];
  for (const [name, fault] of faults) {
    const namespace = fault.ownNamespace ? `${shared.name}-${name}`.slice(0, 63) : shared.name;
    const stage = new Stage(name, namespace, join(folder, name), good);
    await mkdir(stage.folder, { recursive: true });
    stages.set(name, stage);
    if (fault.ownNamespace) {
      own.push(namespace);
      manifests.push({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    }
  }
  for (const [name, fault] of faults) manifests.push(...(fault.manifests?.(stages.get(name) as Stage) ?? []));
  if (manifests.length > 0) await apply(...manifests);
  const sinceMs = Date.now();
  let seen: Promise<StagedPod[]> | undefined;
  const pods = (): Promise<StagedPod[]> =>
    (seen ??= kubectl("get", "pods", "-A", "-o", "json")
      .then((text) => (JSON.parse(text) as { items: (StagedPod & { metadata: { namespace: string } })[] }).items)
      .then((items) => items.filter(({ metadata }) => metadata.namespace.startsWith(shared.name)))
      .finally(() => setTimeout(() => (seen = undefined), 1000)));
  const of = (name: string, found: readonly StagedPod[]): StagedPod[] =>
    found.filter(({ metadata }) => metadata.labels?.["fault"] === name || metadata.labels?.["app"]?.startsWith(name));
  return {
    async next(waiting) {
      for (;;) {
        const first = waiting.findIndex(([, { until }]) => until === undefined);
        if (first !== -1) return waiting.splice(first, 1)[0];
        if (waiting.length === 0) return undefined;
        const found = await pods();
        const late = Date.now() - sinceMs > stagingMs;
        const index = waiting.findIndex(([name, { until }]) => late || until?.(of(name, found)) === true);
        if (index !== -1) return waiting.splice(index, 1)[0];
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    play: (name, fault) => play(application, stages.get(name) as Stage, fault),
    async [Symbol.asyncDispose]() {
      await application.close();
      stores.close();
      await shared[Symbol.asyncDispose]();
      for (const namespace of own)
        await kubectl("delete", "namespace", namespace, "--wait=false", "--force", "--grace-period=0").catch(
          () => undefined,
        );
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function play(application: Application, stage: Stage, fault: Fault): Promise<FaultResult> {
  const { useCases } = application;
  const name = stage.name;
  let session: ClientSession | undefined;
  const none = { name, fault, found: undefined, ms: 0, tokens: 0, again: undefined, answer: undefined };
  try {
    await using _stage = stage;
    await fault.setUp?.(stage);
    const services = [fault.services(stage)].flat();
    const file = join(stage.folder, "portwright.yaml");
    await writeFile(
      file,
      services.some((one) => one.startsWith("version:"))
        ? services.join("\n")
        : `version: "1.0"\nservices:\n${services.map((one) => `  - ${one}\n`).join("")}`,
    );
    const env = {
      HOME: stage.folder,
      PATH: process.env["PATH"] ?? "",
      KUBECONFIG: testbed.kubeconfig ?? "",
      ...fault.env?.(stage),
    };
    session = await application.connect({
      id: name,
      name: "faults",
      version: "0",
      cwd: stage.folder,
      config: file,
      terminal: false,
      env,
    });
    const context: CallContext = { client: session, signal: AbortSignal.timeout(60_000), progress: () => {} };
    const ask = fault.ask === null ? {} : { service: fault.ask ?? "it" };
    try {
      if (fault.start !== false) {
        await useCases.startEnvironment({}, context).catch(() => undefined);
        await settled(application, context);
      }
      await fault.breakIt?.(stage);
      const startedMs = performance.now();
      const answer = told(await useCases.diagnose(ask, context).catch(asAnswer));
      const ms = Math.round(performance.now() - startedMs);
      const again = told(await useCases.diagnose(ask, context).catch(asAnswer));
      const tokens = Math.ceil(JSON.stringify(answer).length / 4);
      const result = { ...none, found: codeOf(answer), again: codeOf(again), ms, tokens, answer };
      const steps = await stepProblems(application, answer, context);
      return { ...result, problems: [...problemsOf(fault, result, answer), ...steps] };
    } finally {
      await useCases.stopEnvironment({ force: true }, context).catch(() => undefined);
    }
  } catch (thrown) {
    return {
      ...none,
      problems: [
        `could not be staged: ${String(thrown)} ${JSON.stringify((thrown as { cause?: unknown }).cause ?? "")}`,
      ],
    };
  } finally {
    session?.[Symbol.dispose]();
  }
}

/** Nothing is starting any more. */
async function settled({ useCases }: Application, context: CallContext): Promise<void> {
  await eventually(
    async () => {
      const status = await useCases.getStatus({}, context);
      return status["state"] !== "starting";
    },
    settleMs,
    200,
  ).catch(() => undefined);
}

/** What cannot be diagnosed (no such service, an invalid file) is an error with a code. */
function asAnswer(thrown: unknown): Answer {
  const { code, message, facts } = toConnectivityError(thrown);
  return { summary: message, healthy: false, root_cause: { code, message, facts } };
}

/** Calls each next step that only looks or plans, as a client would. */
async function stepProblems({ useCases }: Application, answer: Answer, context: CallContext): Promise<string[]> {
  const problems: string[] = [];
  for (const { tool, arguments: args } of answer.next_steps ?? []) {
    try {
      if (tool === "configure_service") {
        const { plan_id: plan } = await useCases.configureService(args, context);
        if (plan === undefined) problems.push(`${JSON.stringify(args)} makes no plan`);
      }
      if (tool === "get_history") await useCases.getHistory(args, context);
    } catch (thrown) {
      problems.push(`next step ${tool} ${JSON.stringify(args)}: ${String(thrown)}`);
    }
  }
  return problems;
}

const codeOf = (answer: Answer): string | undefined => (answer["root_cause"] as { code?: string } | undefined)?.code;

function problemsOf(
  fault: Fault,
  { found, again, ms, tokens }: Pick<FaultResult, "found" | "again" | "ms" | "tokens">,
  answer: Answer,
): string[] {
  const { untrusted: _untrusted, ...ours } = answer as Answer & { untrusted?: unknown };
  const text = JSON.stringify(ours);
  const root = answer["root_cause"] as { service?: string } | undefined;
  const others = ((answer["other_causes"] ?? []) as { code: string }[]).map(({ code }) => code);
  return [
    ...(found === fault.code ? [] : [`found ${found ?? "nothing"}, expected ${fault.code ?? "nothing"}`]),
    ...(again === found ? [] : [`asked again: ${again ?? "nothing"}`]),
    ...(answer["healthy"] === (fault.code === undefined) ? [] : [`healthy is ${String(answer["healthy"])}`]),
    ...(fault.at === undefined || root?.service === fault.at
      ? []
      : [`it lies at ${root?.service ?? "?"}, not at ${fault.at}`]),
    ...(fault.also ?? [])
      .filter((code) => !others.includes(code))
      .map((code) => `${code} is not among the others (${others.join(", ")})`),
    ...(fault.code === undefined && others.length > 0 && fault.also === undefined
      ? [`false alarm beside: ${others.join(", ")}`]
      : []),
    ...(fault.evidence ?? [])
      .filter((pattern) => !pattern.test(text))
      .map((pattern) => `${String(pattern)} is not in the answer`),
    ...(fault.never ?? [])
      .filter((pattern) => pattern.test(text))
      .map((pattern) => `${String(pattern)} is in the answer`),
    ...(ms > 8000 ? [`took ${ms} ms`] : []),
    ...(tokens > 1500 ? [`${tokens} tokens`] : []),
  ];
}

/** One line of the table. */
export const rowOf = ({ name, fault, found, ms, tokens, problems }: FaultResult): string =>
  [
    problems.length === 0 ? "ok  " : "FAIL",
    name.padEnd(34),
    (fault.code ?? "nothing").padEnd(28),
    (found ?? "nothing").padEnd(28),
    String(ms).padStart(5),
    String(tokens).padStart(5),
    problems.join("; "),
  ].join(" ");

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

/** The score, in lines. */
export function scoreOf(results: readonly FaultResult[]): string[] {
  const healthy = results.filter(({ fault }) => fault.code === undefined);
  const ill = results.filter(({ fault }) => fault.code !== undefined);
  const right = ill.filter(({ found, fault }) => found === fault.code).length;
  const alarms = healthy.filter(({ found }) => found !== undefined).length;
  const times = results.map(({ ms }) => ms);
  const sizes = results.map(({ tokens }) => tokens);
  return [
    `root cause right: ${right} of ${ill.length}; false alarms: ${alarms} of ${healthy.length} healthy; compound: ${ill.filter(({ fault }) => fault.compound).length}`,
    `time: median ${median(times)} ms (wanted 2000), worst ${Math.max(...times)} ms (wanted 8000)`,
    `tokens: median ${median(sizes)} (wanted under 800), worst ${Math.max(...sizes)} (wanted under 1500)`,
    `asked again the same: ${results.filter(({ found, again }) => found === again).length} of ${results.length}`,
    `with all evidence: ${results.filter(({ problems }) => problems.length === 0).length} of ${results.length}`,
  ];
}
