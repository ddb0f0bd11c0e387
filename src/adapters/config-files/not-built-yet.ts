import type { Failure } from "#domain/connectivity-error.ts";

/** What the format knows and no engine does yet: said, never ignored. */
export const proxyNotBuilt: Failure = {
  code: "not_supported",
  message: "the reverse proxy (technology: proxy) is not built yet; declare kubernetes and ssh services",
};
