import { adHocDeclaration, type ForwardedHandle } from "#domain/discovery/ad-hoc-service.ts";
import { parseHandle } from "#domain/discovery/handle.ts";
import { knownProtocols } from "#domain/discovery/protocols.ts";
import type { FoundTarget } from "#domain/discovery/target.ts";
import type { PlannedChange } from "#domain/plan/operation.ts";
import type { Plan } from "#domain/plan/plan.ts";
import { listed } from "#domain/plan/plan-words.ts";
import type { RawMap } from "#domain/plan/raw-configuration.ts";
import { matchWish, wishesOf, type MatchedWish, type Wish } from "#domain/plan/wishes.ts";
import { searchTargets, type Found } from "../discovery/search-targets.ts";
import { filelessWorkspace } from "../engine/ad-hoc-services.ts";
import { draftPlan } from "../plans/draft-plan.ts";
import { changedText, newFileText } from "../plans/planned-text.ts";
import { record } from "../plans/record.ts";
import type { Repository } from "../ports/repository.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import { cleanName } from "../surface/untrusted.ts";
import { newFilePath } from "./configure-service.ts";
import type { DiscoverDependencies } from "./discover-targets.ts";
import type { UseCaseDependencies } from "./scope.ts";

export type ProposeDependencies = UseCaseDependencies & DiscoverDependencies & { readonly repository: Repository };

/**
 * A first configuration, inferred from the repository: what its compose file and its example variables connect to, found
 * in the person's clusters. Reads, and writes nothing: the plan does, once it is applied.
 */
export async function proposeEnvironment(deps: ProposeDependencies, context: CallContext): Promise<Answer> {
  const { client, signal } = context;
  const folder = client.hello.cwd;
  const access = deps.access(client.workspace ?? filelessWorkspace);
  context.progress("looking at the repository and the clusters");
  const [{ files, variables }, found] = await Promise.all([
    deps.repository.exampleVariables(folder),
    searchTargets(deps, { folder }, access, signal),
  ]);
  const targets = found.ranked.map(({ target }) => target);
  const compose = targets.filter(({ kind }) => kind === "compose");
  const matched = wishesOf(compose, variables).map((wish) => matchWish(wish, targets));
  const looked = lookedAt(files, compose, found);
  const sure = matched.filter((match): match is MatchedWish & { target: FoundTarget } => match.target !== undefined);
  if (sure.length === 0 || folder === "/" || folder === client.hello.env["HOME"])
    return nothingFound(matched, looked, context);
  const plan = await draft(deps, sure, context);
  deps.plan.plans.savePlan(plan);
  record(deps.plan, {
    workspace: plan.workspace,
    by: plan.by,
    did: "planned",
    plan: plan.id,
    text: `${plan.id} was planned: ${plan.confirm}`.slice(0, 400),
  });
  const open = matched.filter(({ target, candidates }) => target === undefined && candidates.length > 0);
  return {
    summary: `No portwright.yaml here. From ${listed(looked, 3)} I would make an environment dev with ${sure.length} ${sure.length === 1 ? "service" : "services"}; apply_plan writes the file and starts it.${open.length === 0 ? "" : ` Not clear: ${listed(open.map(({ wish }) => wish.name))}.`}`,
    state: "proposal",
    plan_id: plan.id,
    confirm: plan.confirm,
    risk: plan.risk,
    looked_at: looked,
    services: matched.map(wishRow),
    ...(found.unreadable.length > 0 && {
      unreadable: found.unreadable
        .slice(0, 5)
        .map(({ what, code, why }) => ({ what: cleanName(what, 120), code, why })),
    }),
    next_steps: proposalSteps(plan, open),
  };
}

/** Whether the client's folder has a compose file or example variables: a project that has no configuration yet. */
export async function saysWhatItNeeds(deps: ProposeDependencies, { client, signal }: CallContext): Promise<boolean> {
  const folder = client.hello.cwd;
  const { files } = await deps.repository.exampleVariables(folder);
  if (files.length > 0) return true;
  const access = deps.access(client.workspace ?? filelessWorkspace);
  return (await searchTargets(deps, { folder, kind: "compose" }, access, signal)).ranked.length > 0;
}

async function draft(
  deps: ProposeDependencies,
  sure: readonly (MatchedWish & { target: FoundTarget })[],
  { client }: CallContext,
): Promise<Plan> {
  const path = newFilePath(client);
  const names = sure.map(({ wish }) => wish.name);
  const changes: PlannedChange[] = [
    ...sure.map(({ wish, target }): PlannedChange => ({
      id: wish.name,
      operations: [{ kind: "add", list: "services", name: wish.name, value: declarationOf(wish, target) }],
    })),
    {
      id: "env:dev",
      operations: [{ kind: "add", list: "environments", name: "dev", value: { services: names, default: true } }],
    },
  ];
  const contexts = [...new Set(sure.map(({ target }) => target.places[0] ?? ""))];
  const text = await changedText(deps.plan, path, newFileText, changes);
  const plan = await draftPlan(deps.plan, {
    path,
    current: "",
    baseDigest: "",
    baseGeneration: 0,
    source: { kind: "create", text, changes },
    by: deps.clients.nameOf(client.hello.id) ?? client.hello.name,
    clientId: client.hello.id,
    stem: "new-dev",
    sentence: `Writes portwright.yaml with ${names.join(", ")} from ${contexts.length === 1 ? "context" : "contexts"} ${contexts.map((name) => cleanName(name, 100)).join(", ")} and starts them.`,
  });
  return plan as Plan;
}

/** The keys of a service for a target, short: what is the default is left out. */
function declarationOf(wish: Wish, target: FoundTarget): RawMap {
  const handle = parseHandle(target.target) as ForwardedHandle;
  const protocol = knownProtocols.find(({ name }) => name === target.protocol);
  const {
    name: _name,
    local_port: _port,
    ...keys
  } = adHocDeclaration(wish.name, handle, target.port ?? 0, 0, protocol) as RawMap;
  const { variable } = wish;
  return { ...keys, ...(variable && { exports: { [variable.name]: variable.template } }) };
}

const wishRow = ({ wish, target, certainty, candidates }: MatchedWish): object => ({
  service: wish.name,
  from: wish.from,
  ...(target && { target: target.target, certainty }),
  ...(candidates.length > 0 && { candidates: candidates.map((candidate) => candidate.target) }),
  ...(!target && candidates.length === 0 && wish.local !== undefined && { local: wish.local }),
});

function lookedAt(files: readonly string[], compose: readonly FoundTarget[], { places, ranked }: Found): string[] {
  const composeFiles = [
    ...new Set(compose.flatMap(({ detail }) => (typeof detail?.["from"] === "string" ? [detail["from"]] : []))),
  ];
  const hosts = ranked.filter(({ target }) => target.kind === "ssh").length;
  return [
    ...composeFiles,
    ...files,
    `kubeconfig (${places.length} ${places.length === 1 ? "context" : "contexts"})`,
    `~/.ssh/config (${hosts} ${hosts === 1 ? "host" : "hosts"})`,
  ];
}

function proposalSteps(plan: Plan, open: readonly MatchedWish[]): NextStep[] {
  const [unclear] = open;
  const why = unclear
    ? `after the user agreed; ${unclear.wish.name} fits several targets: ask the user which`
    : "after the user agreed";
  return [{ tool: "apply_plan", arguments: { plan_id: plan.id, confirm: plan.confirm }, why }];
}

/** Not an error: there is nothing to start yet, and this is how to make it. */
function nothingFound(matched: readonly MatchedWish[], looked: readonly string[], { client }: CallContext): Answer {
  const folder = client.hello.cwd;
  return {
    summary: `No portwright.yaml (or localport.yaml) in ${folder} or above it: there is nothing to start yet.${matched.length === 0 ? "" : ` The repository connects to ${listed(matched.map(({ wish }) => wish.name))}, and no cluster here has one clear target for them.`}`,
    state: "proposal",
    looked_at: ["portwright.yaml", "localport.yaml", "the folders above", "your own configuration folder", ...looked],
    ...(matched.length > 0 && { services: matched.map(wishRow) }),
    user_steps: [
      {
        do: "edit",
        where: `${folder}/portwright.yaml`,
        what: exampleConfiguration,
        why: "declares what to connect; commit it to share it",
      },
    ],
    next_steps: [
      { tool: "discover_targets", arguments: {}, why: "what can be connected from here" },
      { tool: "start_environment", arguments: {}, why: "after the file is there" },
    ],
  };
}

const exampleConfiguration = [
  'version: "1.0"',
  "services:",
  "  - name: cache",
  "    technology: ssh",
  "    remote_port: 6379",
  "    connection: {host: bastion.example, remote_host: cache.internal}",
  "    health_check: {type: redis}",
].join("\n");
