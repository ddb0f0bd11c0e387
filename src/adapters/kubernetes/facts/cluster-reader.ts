import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Fact, FactKind, FactKinds } from "#domain/diagnosis/fact.ts";
import type { Rung } from "#domain/error-catalogue.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { readBody } from "../api/read-body.ts";

const logBytes = 8192;
/** Only names, labels and times are sent: no secret leaves the cluster for a diagnosis. */
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const metadataListOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

export type Tell = (fact: Fact) => void;

/** An answer to a question that is asked: its data, and whether it is a yes. */
export interface Answered<K extends FactKind> {
  readonly yes: boolean;
  readonly data: FactKinds[K];
}

/** Tells the answer of one question with its time and duration; one that throws is told as not checked. Never rejects. */
export async function ask<K extends FactKind>(
  { clock, tell }: { readonly clock: Clock; readonly tell: Tell },
  kind: K,
  rung: Rung,
  source: string,
  question: () => Promise<Answered<K> | undefined>,
): Promise<FactKinds[K] | undefined> {
  const startMs = clock.monotonicMs();
  const head = (): object => ({
    kind,
    rung,
    source,
    atMs: clock.nowMs(),
    ms: Math.round(clock.monotonicMs() - startMs),
  });
  try {
    const answer = await question();
    if (answer === undefined) return undefined;
    tell({ ...head(), truth: answer.yes ? "yes" : "no", data: answer.data } as Fact);
    return answer.data;
  } catch (thrown) {
    tell({ ...head(), truth: "not_checked", why: whyNot(thrown) } as Fact);
    return undefined;
  }
}

function whyNot(thrown: unknown): string {
  const { code, message } = toConnectivityError(thrown);
  if (code === "permission_denied") return `not allowed: ${message}`;
  return code === "cancelled" || code === "operation_timed_out" ? "no answer in time" : message;
}

/** Names of Kubernetes objects (DNS subdomains; roles may have colons): an object with another name is none, and is left out. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/;

interface Named {
  readonly metadata?: { readonly name?: unknown };
  readonly spec?: { readonly containers?: readonly { readonly name?: unknown }[] };
  readonly status?: { readonly containerStatuses?: readonly { readonly name?: unknown }[] };
}

function isNamed(object: unknown): boolean {
  const { metadata, spec, status } = (object ?? {}) as Named;
  const names = [metadata, ...(spec?.containers ?? []), ...(status?.containerStatuses ?? [])].map((one) => one?.name);
  // Events are named by whom they are about, in any way.
  return names.every((name) => typeof name === "string" && plainName.test(name));
}

/** Reads objects of one cluster for a diagnosis. All methods throw ConnectivityError as `ClusterApi.json`. */
export class ClusterReader {
  readonly api: ClusterApi;
  readonly #access: Access;
  readonly #signal: AbortSignal;

  constructor(api: ClusterApi, access: Access, signal: AbortSignal) {
    this.api = api;
    this.#access = access;
    this.#signal = signal;
  }

  get<T>(group: string, resource: string, namespace: string | undefined, name: string): Promise<T> {
    return this.#json<T>("get", group, resource, namespace, name);
  }

  async list<T>(
    group: string,
    resource: string,
    namespace: string | undefined,
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<readonly T[]> {
    const answer = await this.#json<{ items?: readonly T[] }>("list", group, resource, namespace, undefined, query);
    return (answer.items ?? []).filter(isNamed);
  }

  /** Name, labels and times alone; `undefined` when there is none. */
  async metadata<T>(
    group: string,
    resource: string,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.#json<T>("get", group, resource, namespace, name, {}, metadataOnly);
    } catch (error) {
      if (error instanceof ConnectivityError && error.code === "resource_missing") return undefined;
      throw error;
    }
  }

  async metadataList<T>(
    group: string,
    resource: string,
    namespace: string | undefined,
    query: Readonly<Record<string, string | undefined>> = {},
  ): Promise<readonly T[]> {
    const answer = await this.#json<{ items?: readonly T[] }>(
      "list",
      group,
      resource,
      namespace,
      undefined,
      query,
      metadataListOnly,
    );
    return (answer.items ?? []).filter(isNamed);
  }

  /** The last lines of a container, at most 8 KiB. */
  async log(namespace: string, pod: string, container: string, previous: boolean, lines: number): Promise<string> {
    const response = await this.api.stream({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
      query: {
        container,
        tailLines: String(lines),
        limitBytes: String(logBytes),
        ...(previous && { previous: "true" }),
      },
      headers: { Accept: "*/*" },
      subject: { verb: "get", resource: "pods/log", namespace, name: pod },
      access: this.#access,
      signal: this.#signal,
    });
    return readBody(response, 2 * logBytes, this.#signal, this.api.context);
  }

  #json<T>(
    verb: string,
    group: string,
    resource: string,
    namespace: string | undefined,
    name: string | undefined,
    query: Readonly<Record<string, string | undefined>> = {},
    accept?: string,
  ): Promise<T> {
    const within = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
    const one = name === undefined ? "" : `/${encodeURIComponent(name)}`;
    return this.api.json<T>({
      path: `${group}${within}/${resource}${one}`,
      query,
      ...(accept !== undefined && { headers: { Accept: accept } }),
      subject: { verb, resource, ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) },
      access: this.#access,
      signal: this.#signal,
    });
  }
}
