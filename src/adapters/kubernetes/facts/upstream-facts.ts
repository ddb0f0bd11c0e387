import type { Upstream } from "#domain/diagnosis/fact.ts";
import { namedServices } from "#domain/diagnosis/findings/named-services.ts";
import type { DetailedPod } from "#domain/kubernetes/detail.ts";
import type { TargetObject } from "../target/target-kinds.ts";
import { ask } from "./cluster-reader.ts";
import type { Gathering } from "./kubernetes-facts.ts";
import { selectorOf } from "./selectors.ts";
import { readSettings } from "./settings.ts";
import { readWorkloads } from "./workload-facts.ts";

const servicesRead = "200";
/** A pod calls more services seldom, and each costs a question. */
const mostUpstreams = 6;
/** How far a chain of services is followed. */
const deepest = 3;

/** When an application answers badly or cannot start: the services that its pods name, and theirs, with their pods. */
export async function askUpstreams(
  { service, reader, clock, tell, failure }: Gathering,
  pods: readonly DetailedPod[],
): Promise<void> {
  if (failure === undefined || pods.length === 0 || /^(protocol|check_path|certificate)/.test(failure.code)) return;
  const { namespace, resourceName } = service.connection;
  await ask({ clock, tell }, "upstreams", "application", "API server", async () => {
    const services = await reader.list<TargetObject>("/api/v1", "services", namespace, { limit: servicesRead });
    const byName = new Map(services.map((object) => [object.metadata.name, object]));
    const known = services.map(({ metadata, spec }) => ({ name: metadata.name, address: spec?.clusterIP }));
    const upstreams = new Map<string, Upstream>();
    const seen = new Set([resourceName]);
    let front = pods;
    for (let depth = 0; depth < deepest && front.length > 0 && upstreams.size < mostUpstreams; depth++) {
      const texts = await readSettings(reader, namespace, front);
      const named = namedServices(front, known, namespace, texts)
        .filter((one) => !seen.has(one.service))
        .slice(0, mostUpstreams);
      const found = await Promise.all(
        named.map(async ({ service: name, named: by }): Promise<Upstream> => {
          const object = byName.get(name);
          const selector = object && selectorOf("service", object);
          const behind =
            selector === undefined
              ? []
              : await reader.list<DetailedPod>("/api/v1", "pods", namespace, {
                  labelSelector: selector.text,
                  limit: "20",
                });
          const workloads =
            object !== undefined && behind.length === 0 ? await readWorkloads(reader, namespace).catch(() => []) : [];
          return {
            service: name,
            namespace,
            named: by,
            exists: object !== undefined,
            pods: behind,
            ...(selector && { selector: selector.labels }),
            ...(workloads.length > 0 && { workloads }),
          };
        }),
      );
      for (const one of found) {
        seen.add(one.service);
        // Without a selector there is nothing to be said about who is behind it.
        if (!one.exists || one.pods.length > 0 || byName.get(one.service)?.spec?.selector !== undefined)
          upstreams.set(one.service, one);
      }
      front = found.flatMap((one) => one.pods);
    }
    return {
      yes: [...upstreams.values()].every(({ pods: behind }) => behind.length > 0),
      data: { upstreams: [...upstreams.values()] },
    };
  });
}
