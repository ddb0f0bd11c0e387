import { toConnectivityError } from "#domain/connectivity-error.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import type { KubernetesService } from "#domain/spec/service.ts";
import type { FactQuestion, FactSource } from "#application/ports/fact-source.ts";
import type { Clusters } from "../clusters.ts";
import { ClusterReader, type Tell } from "./cluster-reader.ts";
import { askConnection, askPermission } from "./connection-facts.ts";
import { askLastWords, askTrouble } from "./trouble-facts.ts";
import { askUpstreams } from "./upstream-facts.ts";
import { askPodsOf, askTarget, askWorkload } from "./workload-facts.ts";

/** What the parts of a gathering share. */
export interface Gathering {
  readonly service: KubernetesService;
  readonly reader: ClusterReader;
  readonly clock: Clusters["clock"];
  readonly tell: Tell;
  readonly failure: FactQuestion["failure"];
}

/** Facts about a cluster and the workload behind a service, asked of the API server beside the forward. */
export class KubernetesFacts implements FactSource {
  readonly #clusters: Clusters;

  constructor(clusters: Clusters) {
    this.#clusters = clusters;
  }

  async gather(question: FactQuestion, tell: Tell): Promise<void> {
    const { spec, access, signal, failure, route } = question;
    if (spec.technology !== "kubernetes") return;
    const { clock } = this.#clusters;
    if (question.briefly === true) {
      const api = await this.#clusters.api(access, spec.connection.context, route).catch(() => undefined);
      if (api === undefined) return;
      const reader = new ClusterReader(api, access, signal);
      await askPodsOf({ service: spec, reader, clock, tell, failure }).catch(() => undefined);
      return;
    }
    const connected = await askConnection({ clusters: this.#clusters, access, signal, tell, route, service: spec });
    if (connected === undefined || signal.aborted) return;
    const reader = new ClusterReader(connected, access, signal);
    const gathering: Gathering = { service: spec, reader, clock, tell, failure };
    try {
      const rung = failure === undefined ? "application" : errorCatalogue[failure.code].rung;
      await Promise.all([
        rung === "credentials" || rung === "cluster" ? askPermission(gathering, access, signal) : undefined,
        askBehind(gathering),
      ]);
    } catch (thrown) {
      // Told one by one already; what is left is a defect or the end of the time.
      toConnectivityError(thrown);
    }
  }
}

/** The object and its pods first: what else is asked depends on what is wrong with them. */
async function askBehind(gathering: Gathering): Promise<void> {
  const object = await askTarget(gathering);
  const pods = await askWorkload(gathering, object);
  const words = askLastWords(gathering, pods);
  await Promise.all([askTrouble(gathering, pods), askUpstreams(gathering, pods, words)]);
}
