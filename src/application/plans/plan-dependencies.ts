import type { Engine } from "../engine/engine.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigEditor } from "../ports/config-editor.ts";
import type { VariableLookup } from "../ports/config-source.ts";
import type { PlanStore } from "../ports/plan-store.ts";
import type { StateStore } from "../ports/state-store.ts";

/** What plans, generations and trust work with. */
export interface PlanDependencies {
  readonly plans: PlanStore;
  readonly store: StateStore;
  readonly editor: ConfigEditor;
  readonly clock: Clock;
  /** Asked when it is needed: the engine asks us as well. */
  engine(): Engine;
  lookup(workspace: string): VariableLookup;
}
