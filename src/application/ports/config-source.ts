import type { ConfigProblem, Configuration } from "#domain/spec/configuration.ts";

export type VariableLookup = (name: string) => string | undefined;

export type ConfigReading =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      /** What was read, when it was read from a file. */
      readonly text?: string;
    }
  | {
      readonly ok: false;
      readonly path: string;
      /** All problems, errors first, each in file order. */ readonly problems: readonly ConfigProblem[];
    };

/** Finds and reads configuration files. */
export interface ConfigSource {
  /**
   * The file of a workspace: `--config` when given, else the nearest upwards from the working directory (not from `/` or
   * the home folder), else the person's own file; `undefined` when there is none.
   * @throws ConnectivityError `config_not_found` when `--config` names no file
   */
  find(options: {
    readonly cwd: string;
    readonly config?: string | undefined;
    readonly lookup: VariableLookup;
  }): Promise<string | undefined>;
  /** Reads a file with everything about it that is wrong. @throws ConnectivityError `config_not_found`, `config_invalid` (unreadable, too large, binary) */
  read(path: string, lookup: VariableLookup): Promise<ConfigReading>;
  /** Changes when the file's content may have changed; `undefined` when it is gone. */
  fingerprint(path: string): Promise<string | undefined>;
}
