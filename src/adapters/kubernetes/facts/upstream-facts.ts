import type { Upstream } from "#domain/diagnosis/fact.ts";
import { foreignServices, namedServices, type SettingText } from "#domain/diagnosis/findings/named-services.ts";
import type { DetailedPod } from "#domain/kubernetes/detail.ts";
import type { TargetObject } from "../target/target-kinds.ts";
import { ask, type ClusterReader } from "./cluster-reader.ts";
import { isMissing } from "./connection-facts.ts";
import type { Gathering } from "./kubernetes-facts.ts";
import { selectorOf } from "./selectors.ts";
import { readSettings } from "./settings.ts";
import { readWorkloads } from "./workload-facts.ts";

const servicesRead = "200";
/** A pod calls more services seldom, and each costs a question. */
const mostUpstreams = 6;
const mostForeign = 3;
/** How far a chain of services is followed. */
const deepest = 3;

/**
 * When an application answers badly or cannot start: the services that its pods name, and theirs, with their pods.
 * @param words what the pod in trouble said last: it may name a service whose address is nowhere else to be read
 */
export async function askUpstreams(
  { service, reader, clock, tell, failure }: Gathering,
  pods: readonly DetailedPod[],
  words: Promise<string | undefined>,
): Promise<void> {
  if (failure === undefined || pods.length === 0 || /^(protocol|check_path|certificate)/.test(failure.code)) {
    await words;
    return;
  }
  const { namespace, resourceName } = service.connection;
  await ask({ clock, tell }, "upstreams", "application", "API server", async () => {
    const [services, said] = await Promise.all([
      reader.list<TargetObject>("/api/v1", "services", namespace, { limit: servicesRead }),
      words,
    ]);
    const byName = new Map(services.map((object) => [object.metadata.name, object]));
    const known = services.map(({ metadata, spec }) => ({ name: metadata.name, address: spec?.clusterIP }));
    const upstreams = new Map<string, Upstream>();
    const seen = new Set([resourceName]);
    const log: SettingText[] =
      said === undefined ? [] : [{ value: said, named: "its log", likely: false, prose: true }];
    let front = pods;
    for (let depth = 0; depth < deepest && front.length > 0 && upstreams.size < mostUpstreams; depth++) {
      const texts = [...(await readSettings(reader, namespace, front)), ...(depth === 0 ? log : [])];
      const named = namedServices(front, known, namespace, texts)
        .filter((one) => !seen.has(one.service))
        .slice(0, mostUpstreams);
      const elsewhere = foreignServices(front, namespace, texts)
        .filter((one) => !seen.has(`${one.namespace}/${one.service}`))
        .slice(0, mostForeign);
      const [found, foreign] = await Promise.all([
        Promise.all(
          named.map(({ service: name, named: by }) => readUpstream(reader, namespace, name, by, byName.get(name))),
        ),
        Promise.all(elsewhere.map((one) => readForeign(reader, one))),
      ]);
      for (const one of found) {
        seen.add(one.service);
        // Without a selector there is nothing to be said about who is behind it.
        if (!one.exists || one.pods.length > 0 || one.selector !== undefined) upstreams.set(one.service, one);
      }
      for (const one of foreign.filter((each) => each !== undefined)) {
        seen.add(`${one.namespace}/${one.service}`);
        if (!one.exists || one.selector !== undefined) upstreams.set(`${one.namespace}/${one.service}`, one);
      }
      // Those of other namespaces are not followed further: their settings name services of theirs.
      front = found.flatMap((one) => one.pods);
    }
    return {
      yes: [...upstreams.values()].every(({ pods: behind }) => behind.length > 0),
      data: { upstreams: [...upstreams.values()] },
    };
  });
}

/** One service with the pods behind it and, where there are none, what would make them. */
async function readUpstream(
  reader: ClusterReader,
  namespace: string,
  name: string,
  named: string,
  object: TargetObject | undefined,
): Promise<Upstream> {
  const selector = object && selectorOf("service", object);
  const behind =
    selector === undefined
      ? []
      : await reader.list<DetailedPod>("/api/v1", "pods", namespace, { labelSelector: selector.text, limit: "20" });
  const workloads =
    object !== undefined && behind.length === 0 ? await readWorkloads(reader, namespace).catch(() => []) : [];
  return {
    service: name,
    namespace,
    named,
    exists: object !== undefined,
    pods: behind,
    ...(selector && { selector: selector.labels }),
    ...(workloads.length > 0 && { workloads }),
  };
}

/** The same of another namespace; `undefined` where it may not be read. */
async function readForeign(
  reader: ClusterReader,
  { namespace, service, named, meant }: ReturnType<typeof foreignServices>[number],
): Promise<Upstream | undefined> {
  try {
    const object = await reader.get<TargetObject>("/api/v1", "services", namespace, service);
    return await readUpstream(reader, namespace, service, named, object);
  } catch (thrown) {
    return meant && isMissing(thrown) ? { service, namespace, named, exists: false, pods: [] } : undefined;
  }
}
