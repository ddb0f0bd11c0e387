import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A file that is not read at all, with what to do about it. */
export const refused = (path: string, reason: string, cause?: unknown): ConnectivityError =>
  new ConnectivityError("config_invalid", `the configuration ${path} ${reason}`, { file: path }, { cause });

export const notFound = (path: string, reason: string, cause?: unknown): ConnectivityError =>
  new ConnectivityError("config_not_found", reason, { file: path }, { cause });
