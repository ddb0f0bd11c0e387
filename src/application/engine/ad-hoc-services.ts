import type { Configuration, ServiceDeclaration } from "#domain/spec/configuration.ts";
import { serviceSchema } from "#domain/spec/service.ts";
import type { AdHocStore } from "../ports/ad-hoc-store.ts";
import type { Clock } from "../ports/clock.ts";

/** The workspace of clients without a configuration file: it holds ad hoc connections alone. */
export const filelessWorkspace = "";

/** What clients without a file have. */
export const filelessConfiguration: Configuration = {
  path: filelessWorkspace,
  dialect: "portwright",
  services: [],
  environments: [],
  warnings: [],
  variables: [],
};

/** More of them are forgotten, the oldest that nobody wants first. */
const maxKept = 32;
const nowhere = { line: 0, column: 0 };

/** Connections of one workspace that clients asked for and no file declares. Read from the store once, kept there. */
export class AdHocServices {
  readonly #workspace: string;
  readonly #store: AdHocStore;
  readonly #clock: Clock;
  readonly #declared = new Map<string, ServiceDeclaration>();

  constructor(workspace: string, store: AdHocStore, clock: Clock) {
    this.#workspace = workspace;
    this.#store = store;
    this.#clock = clock;
    for (const { name, declaration } of store.list(workspace)) {
      const spec = serviceSchema.safeParse(parsed(declaration));
      // One that a newer version wrote is left alone.
      if (spec.success) this.#declared.set(name, { name, position: nowhere, spec: spec.data });
    }
  }

  declarations(): readonly ServiceDeclaration[] {
    return [...this.#declared.values()];
  }

  /**
   * Declares one, in place of another of the same name.
   * @param declaration as a file would have it; without credentials
   * @param isWanted what is wanted is never forgotten
   */
  add(declaration: Readonly<Record<string, unknown>>, isWanted: (name: string) => boolean): ServiceDeclaration {
    const spec = serviceSchema.parse(declaration);
    const declared = { name: spec.name, position: nowhere, spec };
    this.#declared.delete(spec.name);
    this.#declared.set(spec.name, declared);
    const row = { name: spec.name, declaration: JSON.stringify(declaration) };
    this.#store.put(this.#workspace, row, this.#clock.nowMs());
    for (const name of [...this.#declared.keys()]) {
      if (this.#declared.size <= maxKept) break;
      if (name !== spec.name && !isWanted(name)) this.#forget(name);
    }
    return declared;
  }

  #forget(name: string): void {
    this.#declared.delete(name);
    this.#store.remove(this.#workspace, name);
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
