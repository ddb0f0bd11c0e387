import type { ErrorCode } from "./error-catalogue.ts";

/** Causes that another environment of a client can take away: a variable, a program of its PATH, an agent socket, a login. */
export const isAboutAccess = (code: ErrorCode): boolean =>
  code === "variable_missing" ||
  code === "workspace_untrusted" ||
  code === "application_auth_failed" ||
  /^(ssh_(key|agent|auth|login)|kubeconfig|context|credential)/.test(code);
