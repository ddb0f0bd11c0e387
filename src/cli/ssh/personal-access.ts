import { createAccess } from "#adapters/system/access.ts";
import type { Access } from "#application/ports/access.ts";
import type { Invocation } from "../command.ts";

/** What a command of the person at the terminal may use: their own environment and files, no references of a workspace. */
export const personalAccess = ({ env, cwd, homeDir }: Invocation): Access =>
  createAccess({ envLayers: [() => env], homeDir, workspaceDir: cwd, trusted: false });
