import type { Failure } from "#domain/connectivity-error.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";

/** What the format knows and no engine does yet: said, never ignored where the service would reach something else. */
export function notBuiltYet(spec: ServiceSpec): Failure | undefined {
  return spec.technology === "ssh" || spec.via === undefined
    ? undefined
    : unsupported("via (jump hosts) of a Kubernetes service");
}

export const proxyNotBuilt: Failure = {
  code: "not_supported",
  message: "the reverse proxy (technology: proxy) is not built yet; declare kubernetes and ssh services",
};

const unsupported = (what: string): Failure => ({
  code: "not_supported",
  message: `${what} is not built yet; remove it, or leave the service disabled`,
  facts: { key: what },
});
