import type { Failure } from "../connectivity-error.ts";
import type { ClusterHealthSpec } from "./cluster-health.ts";
import type { EnvironmentSpec } from "./environment.ts";
import type { ServiceSpec } from "./service.ts";

/** A place in a configuration file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One problem of a configuration file, with all that a person needs to mend it. */
export interface ConfigProblem extends Position {
  readonly severity: "error" | "warning";
  readonly code:
    | "config_invalid"
    | "variable_missing"
    | "duplicate_local_port"
    | "dependency_cycle"
    | "unknown_service"
    | "not_supported";
  /** Our sentence: what is wrong and what to write. */
  readonly message: string;
  /** Where, as a path of keys: `services[2].connection.host`. */
  readonly path: string;
  /** The offending text, clipped; never a credential. */
  readonly text?: string;
  /** The nearest valid name, where a name was mistyped. */
  readonly nearest?: string;
}

/**
 * A declared service. One that cannot run as it stands (a missing variable, an unsupported technology) is still
 * declared, so that it is shown with its cause instead of taking the file down with it.
 */
export type ServiceDeclaration = {
  readonly name: string;
  readonly position: Position;
} & (
  | { readonly spec: ServiceSpec; readonly failure?: undefined }
  | { readonly spec?: undefined; readonly failure: Failure }
);

/** A configuration file after reading: what it declares, and what about it deserves a warning. */
export interface Configuration {
  /** Absolute path of the file. */
  readonly path: string;
  readonly dialect: "portwright" | "localport";
  readonly services: readonly ServiceDeclaration[];
  readonly environments: readonly EnvironmentSpec[];
  /**
   * What deserves attention although the file is in force, in file order. A missing variable of one service in
   * `portwright.yaml` is here with severity `error`: its service fails, the others run.
   */
  readonly warnings: readonly ConfigProblem[];
  /** Names of the environment variables that it refers to outside credential fields: when one changes, it is read again. */
  readonly variables: readonly string[];
  /** How clusters are watched: per context, and for contexts that are not named. */
  readonly clusterHealth?: {
    readonly defaults?: ClusterHealthSpec;
    readonly contexts: Readonly<Record<string, ClusterHealthSpec>>;
  };
  /** What LocalPort's `config export` says about itself; never interpreted. Text from outside. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}
