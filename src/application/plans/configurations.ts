import type { Failure } from "#domain/connectivity-error.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { Admission, Admissions, ValidReading } from "../engine/admissions.ts";
import type { Workspace } from "../engine/workspace.ts";
import { KeptConfiguration } from "./kept-configuration.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { recoverApplies } from "./recover-applies.ts";

/** What is in force of every configuration file, and what waits. */
export class Configurations implements Admissions {
  readonly #deps: PlanDependencies;
  readonly #kept = new Map<string, KeptConfiguration>();
  #recovered: Promise<void> | undefined;

  constructor(deps: PlanDependencies) {
    this.#deps = deps;
  }

  recover(): Promise<void> {
    return (this.#recovered ??= recoverApplies(this.#deps));
  }

  of(path: string): KeptConfiguration {
    let kept = this.#kept.get(path);
    if (!kept) this.#kept.set(path, (kept = new KeptConfiguration(path, this.#deps)));
    return kept;
  }

  admit(workspace: Workspace, reading: ValidReading): Promise<Admission> {
    return this.of(workspace.path).admit(workspace, reading);
  }

  fallBack(workspace: Workspace): Promise<Configuration | undefined> {
    return this.of(workspace.path).fallBack(workspace);
  }

  watch(workspace: Workspace): Disposable {
    // What cannot be read now is a finding of the workspace, and tried again with the next change.
    return this.#deps.editor.watch(workspace.path, () => void workspace.refresh().catch(() => undefined));
  }

  /** Whether a person trusted the keys of a workspace that run programs or read secrets. */
  trusted(path: string): boolean {
    return this.#kept.get(path)?.trusted ?? false;
  }

  /** What is to be said about a file that is valid and not in force. */
  finding(path: string): Failure | undefined {
    return this.#kept.get(path)?.finding;
  }
}
