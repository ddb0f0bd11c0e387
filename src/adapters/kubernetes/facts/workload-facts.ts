import type { FactKinds } from "#domain/diagnosis/fact.ts";
import { type DetailedPod, type Revision, timeOf, type Workload } from "#domain/kubernetes/detail.ts";
import type { ObjectMeta } from "#domain/kubernetes/pod.ts";
import { targetKinds, type TargetObject } from "../target/target-kinds.ts";
import { ask } from "./cluster-reader.ts";
import { isMissing } from "./connection-facts.ts";
import { readEvents } from "./events.ts";
import type { Gathering } from "./kubernetes-facts.ts";
import { selectorOf } from "./selectors.ts";

const podsRead = "50";
const ownersRead = "200";
const apps = "/apis/apps/v1";

interface Labelled {
  readonly metadata: ObjectMeta;
}

/** The object that is meant and its namespace; where it is not there, what is there of that name. */
export async function askTarget({ service, reader, clock, tell }: Gathering): Promise<TargetObject | undefined> {
  const { namespace, resourceType: kind, resourceName: name } = service.connection;
  const to = { clock, tell };
  const { group, resource } = targetKinds[kind] ?? { group: "/api/v1", resource: "pods" };
  let object: TargetObject | undefined;
  await Promise.all([
    ask(to, "namespace", "workload", "API server", async () => {
      type Namespace = Labelled & { readonly status?: { readonly phase?: string } };
      try {
        const { status } = await reader.get<Namespace>("/api/v1", "namespaces", undefined, namespace);
        return { yes: true, data: { namespace, ...(status?.phase !== undefined && { phase: status.phase }) } };
      } catch (thrown) {
        if (!isMissing(thrown)) throw thrown;
        return { yes: false, data: { namespace } };
      }
    }),
    // Pods may be meant by their labels alone.
    name === undefined
      ? ask(to, "object", "workload", "configuration", () => Promise.resolve(askedSelector(service)))
      : ask(to, "object", "workload", "API server", async () => {
          try {
            object = await reader.get<TargetObject>(group, resource, namespace, name);
            return { yes: true, data: objectData(service, object) };
          } catch (thrown) {
            if (!isMissing(thrown)) throw thrown;
            return { yes: false, data: { kind, name, ...(await lookElsewhere(reader, kind, name, namespace)) } };
          }
        }),
  ]);
  return object;
}

/** The labels that a person asks for, as far as they are plain `key=value`. */
function askedSelector({ connection }: Gathering["service"]): { yes: boolean; data: FactKinds["object"] } | undefined {
  const { selector } = connection;
  const labels = plainLabels(selector);
  if (selector === undefined || labels === undefined) return undefined;
  return { yes: true, data: { kind: "selector", name: selector, selector: labels } };
}

/** `a=b,c=d`; `undefined` when any term is of another form. */
function plainLabels(selector: string | undefined): Readonly<Record<string, string>> | undefined {
  const pairs = (selector ?? "").split(",").map((term) => /^\s*([\w./-]+)\s*==?\s*([\w.-]+)\s*$/.exec(term));
  const labels = pairs.flatMap((pair) => (pair ? [[pair[1] ?? "", pair[2] ?? ""] as const] : []));
  return labels.length === pairs.length ? Object.fromEntries(labels) : undefined;
}

function objectData({ connection }: Gathering["service"], object: TargetObject): FactKinds["object"] {
  const { resourceType: kind, resourceName: name = "" } = connection;
  const own = selectorOf(kind, object)?.labels;
  const selector = own && { ...own, ...plainLabels(connection.selector) };
  const ports = object.spec?.ports;
  return { kind, name, ...(selector && { selector }), ...(ports && { ports }) };
}

/** The same name in other namespaces and of other kinds; what may not be read is left out. */
async function lookElsewhere(
  reader: Gathering["reader"],
  kind: string,
  name: string,
  namespace: string,
): Promise<Pick<FactKinds["object"], "elsewhere" | "kinds">> {
  const named = { fieldSelector: `metadata.name=${name}`, limit: "20" };
  const quiet = <T>(work: Promise<readonly T[]>): Promise<readonly T[]> => work.catch(() => []);
  const { group, resource } = targetKinds[kind] ?? { group: "/api/v1", resource: "pods" };
  const others = Object.entries(targetKinds).filter(([other]) => other !== kind && other !== "job");
  const [elsewhere, ...found] = await Promise.all([
    quiet(reader.metadataList<Labelled>(group, resource, undefined, named)),
    ...others.map(([, at]) => quiet(reader.metadataList<Labelled>(at.group, at.resource, namespace, named))),
  ]);
  const kinds = others.flatMap(([other], index) => ((found[index]?.length ?? 0) > 0 ? [other] : []));
  const namespaces = elsewhere.flatMap(({ metadata }) => metadata.namespace ?? []);
  return { ...(namespaces.length > 0 && { elsewhere: namespaces }), ...(kinds.length > 0 && { kinds }) };
}

/** The pods alone, with as few questions as can be. */
export async function askPodsOf({ service, reader, clock, tell }: Gathering): Promise<void> {
  const { namespace, resourceType: kind, resourceName: name, selector: asked } = service.connection;
  await ask({ clock, tell }, "pods", "workload", "API server", async () => {
    const at = targetKinds[kind];
    const object =
      at && name !== undefined ? await reader.get<TargetObject>(at.group, at.resource, namespace, name) : undefined;
    const selector = object ? selectorOf(kind, object)?.text : asked;
    if (object !== undefined && selector === undefined) return undefined;
    const which = {
      ...(selector !== undefined && { labelSelector: selector }),
      ...(at === undefined && name !== undefined && { fieldSelector: `metadata.name=${name}` }),
    };
    const pods = await reader.list<DetailedPod>("/api/v1", "pods", namespace, { ...which, limit: podsRead });
    return { yes: pods.length > 0, data: { pods } };
  });
}

/** Pods, what makes them, and what happened to them. */
export async function askWorkload(
  gathering: Gathering,
  object: TargetObject | undefined,
): Promise<readonly DetailedPod[]> {
  const { service, reader, clock, tell } = gathering;
  const { namespace, resourceType: kind, resourceName: name } = service.connection;
  const to = { clock, tell };
  const isPod = targetKinds[kind] === undefined;
  if (!isPod && object === undefined) return [];
  const asked = service.connection.selector;
  const selector = isPod
    ? asked
    : object && [selectorOf(kind, object)?.text, asked].filter((one) => one !== undefined).join(",");
  if (!isPod && (selector ?? "") === "") return [];
  const which = {
    ...(selector !== undefined && { labelSelector: selector }),
    ...(isPod && name !== undefined && { fieldSelector: `metadata.name=${name}` }),
  };
  const [found] = await Promise.all([
    ask(to, "pods", "workload", "API server", async () => {
      const pods = await reader.list<DetailedPod>("/api/v1", "pods", namespace, { ...which, limit: podsRead });
      return { yes: pods.length > 0, data: { pods } };
    }),
    ask(to, "events", "workload", "events", async () => {
      const events = await readEvents(reader, namespace);
      return { yes: events.length > 0, data: { events } };
    }),
    isPod
      ? undefined
      : ask(to, "revisions", "workload", "replica sets", async () => readRevisions(reader, namespace, selector ?? "")),
  ]);
  const pods = found?.pods ?? [];
  if (found !== undefined && pods.length === 0) {
    await Promise.all([
      ask(to, "workloads", "workload", "API server", async () => {
        // The target itself, where it is one that is not listed with the others.
        const own = kind === "job" && object ? [{ ...(object as Omit<Workload, "kind">), kind: "Job" }] : [];
        const workloads = [...own, ...(await readWorkloads(reader, namespace))];
        return { yes: workloads.length > 0, data: { workloads } };
      }),
      ask(to, "labels", "workload", "API server", async () => {
        const owners = await reader.metadataList<Labelled>("/api/v1", "pods", namespace, { limit: ownersRead });
        return {
          yes: owners.length > 0,
          data: { owners: owners.map(({ metadata }) => ({ name: metadata.name, labels: metadata.labels ?? {} })) },
        };
      }),
    ]);
  }
  return pods;
}

/** What makes pods in a namespace. */
export async function readWorkloads(reader: Gathering["reader"], namespace: string): Promise<Workload[]> {
  const kinds = [
    ["Deployment", "deployments"],
    ["StatefulSet", "statefulsets"],
    ["DaemonSet", "daemonsets"],
    ["ReplicaSet", "replicasets"],
  ] as const;
  const lists = await Promise.all(
    kinds.map(async ([kind, resource]) => {
      const items = await reader.list<Workload>(apps, resource, namespace, { limit: ownersRead });
      return items.map((item) => ({ ...item, kind }));
    }),
  );
  return lists.flat();
}

/** The versions of the deployment behind a selector, newest first. */
async function readRevisions(
  reader: Gathering["reader"],
  namespace: string,
  selector: string,
): Promise<{ yes: boolean; data: FactKinds["revisions"] } | undefined> {
  const sets = await reader.list<Workload>(apps, "replicasets", namespace, {
    labelSelector: selector,
    limit: ownersRead,
  });
  const [owner] = sets.flatMap(({ metadata }) => metadata.ownerReferences ?? []);
  if (owner === undefined) return undefined;
  const revisions = sets
    .filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === owner.name)
    .map(({ metadata, spec }): Revision => ({
      name: metadata.name,
      number: Number(metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0),
      createdMs: timeOf(metadata.creationTimestamp),
      spec: spec?.template?.spec ?? {},
    }))
    .toSorted((left, right) => right.number - left.number)
    .slice(0, 5);
  return { yes: revisions.length > 1, data: { owner: `${owner.kind.toLowerCase()}/${owner.name}`, revisions } };
}
