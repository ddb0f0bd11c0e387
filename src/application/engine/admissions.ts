import type { Configuration } from "#domain/spec/configuration.ts";
import type { ConfigReading } from "../ports/config-source.ts";
import type { Workspace } from "./workspace.ts";

/** A file that was read and is valid. */
export type ValidReading = Extract<ConfigReading, { readonly ok: true }>;

export interface Admission {
  /** What is in force from now on. */
  readonly configuration: Configuration;
  /** False: the file is to be asked about again at the next look, although it did not change. */
  readonly settled: boolean;
  /** Called once the configuration is adopted. */
  readonly adopted?: () => void;
}

/** Decides what of a file that changed is in force. */
export interface Admissions {
  /** Undoes what a process that was killed left half done. Asked before anything is read; done once. */
  recover(): Promise<void>;
  admit(workspace: Workspace, reading: ValidReading): Promise<Admission>;
  /** What was in force when the last process ended, for a file that cannot be read as it is now. */
  fallBack(workspace: Workspace): Promise<Configuration | undefined>;
  /** Has the workspace read again after its file changed. */
  watch(workspace: Workspace): Disposable;
}
