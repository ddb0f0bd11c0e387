import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { clusterTargets } from "#domain/discovery/cluster-targets.ts";
import { foldName } from "#domain/names.ts";
import { wordsOf } from "#domain/discovery/protocols.ts";
import { allWords } from "#domain/discovery/query.ts";
import type { Unreadable } from "#domain/discovery/target.ts";
import type { Access } from "#application/ports/access.ts";
import type { Findings, FoundPlace, TargetSearch, TargetSource } from "#application/ports/target-source.ts";
import type { Clusters } from "../clusters.ts";
import type { Kubeconfig } from "../config/kubeconfig.ts";
import { readCluster, unreadableOf } from "./read-cluster.ts";

/** Asked at the same time; a person waits for the slowest. */
const contextsAtOnce = 4;
const maxContexts = 16;
const contextTimeoutMs = 8000;

interface Looking {
  readonly access: Access;
  readonly signal: AbortSignal;
}

/**
 * What the clusters of the kubeconfig offer: those that the search names, else the current one and all whose login runs no
 * program. It reads what the account may read, and says what it may not.
 */
export class KubernetesSource implements TargetSource {
  readonly kind = "kubernetes";
  readonly #clusters: Clusters;

  constructor(clusters: Clusters) {
    this.#clusters = clusters;
  }

  async find(search: TargetSearch, looking: Looking): Promise<Findings> {
    let config: Kubeconfig;
    try {
      config = await this.#clusters.kubeconfig(looking.access);
    } catch (thrown) {
      looking.signal.throwIfAborted();
      return { targets: [], unreadable: [unreadableOf("the kubeconfig", toConnectivityError(thrown))] };
    }
    const { asked, passedOver } = choose(config, search);
    const found: Findings[] = [];
    const queue = [...asked];
    const work = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift())
        found.push(await this.#look(name, config, search, looking));
    };
    await Promise.all(Array.from({ length: contextsAtOnce }, work));
    looking.signal.throwIfAborted();
    const places = found.flatMap(({ places: of = [] }) => of);
    const others = [...config.contexts.keys()].filter((name) => !asked.includes(name));
    return {
      targets: found.flatMap(({ targets }) => targets),
      unreadable: [...found.flatMap(({ unreadable }) => unreadable), ...passedOver],
      places: [
        ...places.toSorted((left, right) => Number(right.current) - Number(left.current)),
        ...others.map((context): FoundPlace => ({ context, current: context === config.currentContext })),
      ],
    };
  }

  async #look(name: string, config: Kubeconfig, { namespace }: TargetSearch, looking: Looking): Promise<Findings> {
    const current = name === config.currentContext;
    const signal = AbortSignal.any([looking.signal, AbortSignal.timeout(contextTimeoutMs)]);
    try {
      const api = await this.#clusters.api(looking.access, name);
      const read = await readCluster({ api, namespace, current, access: looking.access, signal });
      return {
        targets: clusterTargets(read.objects),
        unreadable: signal.aborted ? [tooSlow(name)] : read.unreadable,
        places: [{ context: name, current, ...(read.namespaces && { namespaces: read.namespaces }) }],
      };
    } catch (thrown) {
      const unreadable = signal.aborted ? tooSlow(name) : unreadableOf(`context ${name}`, toConnectivityError(thrown));
      return { targets: [], unreadable: [unreadable], places: [{ context: name, current }] };
    }
  }
}

const tooSlow = (context: string): Unreadable => ({
  what: `context ${context}`,
  code: "operation_timed_out",
  why: `its cluster did not answer within ${contextTimeoutMs / 1000} s`,
});

/** A program that logs somebody in may open a browser: it runs for a context that was named, not for all there are. */
function choose(config: Kubeconfig, search: TargetSearch): { asked: string[]; passedOver: Unreadable[] } {
  const names = [...config.contexts.keys()];
  if (search.context !== undefined) {
    const same = names.filter((name) => name === search.context);
    const folded = names.filter((name) => foldName(name) === foldName(search.context ?? ""));
    const found = same.length > 0 ? same : folded;
    if (found.length > 0) return { asked: found, passedOver: [] };
    const error = new ConnectivityError("context_missing", "the kubeconfig has no such context");
    return { asked: [], passedOver: [unreadableOf(`context ${search.context.slice(0, 80)}`, error)] };
  }
  const words = search.query === undefined ? [] : allWords(search.query);
  const isNamed = (name: string): boolean =>
    words.some((word) => foldName(name) === word || wordsOf(name).includes(word));
  const named = names.filter(isNamed);
  const ordered = [...new Set([...named, ...names.filter((name) => name === config.currentContext), ...names])];
  const asked: string[] = [];
  const passedOver: Unreadable[] = [];
  for (const name of ordered) {
    const user = config.users.get(config.contexts.get(name)?.entry.user ?? "");
    const runsLogin = user?.entry.exec !== undefined && name !== config.currentContext && !named.includes(name);
    const what = `context ${name}`;
    if (runsLogin)
      passedOver.push({ what, code: "not_supported", why: "its login runs a program; name it with 'context'" });
    else if (asked.length >= maxContexts)
      passedOver.push({
        what,
        code: "not_supported",
        why: `only ${maxContexts} are asked at once; name it with 'context'`,
      });
    else asked.push(name);
  }
  return { asked, passedOver };
}
