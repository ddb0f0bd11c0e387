import type { Failure } from "#domain/connectivity-error.ts";
import { dependencyFailed } from "#domain/diagnosis/dependency-failed.ts";
import type { ServiceCondition } from "#domain/service-state.ts";
import type { ServiceDeclaration } from "#domain/spec/configuration.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

export interface GateView {
  isWanted(name: string): boolean;
  condition(name: string): ServiceCondition;
}

/** A service that was never up waits for all that it depends on; one that is up is left alone. */
export function gate(runtime: ServiceRuntime, view: GateView): void {
  const missing = runtime.spec.dependsOn.filter((name) => view.condition(name).state !== "ready");
  if (missing.length === 0) {
    runtime.unblock();
    return;
  }
  const broken = missing.find((name) => !view.isWanted(name) || view.condition(name).failure !== undefined);
  runtime.block(broken === undefined ? undefined : dependencyFailed(broken, view.condition(broken).failure));
}

/** Why a declared service cannot run as it stands. */
export function obstacle(declaration: ServiceDeclaration | undefined): Failure | undefined {
  if (declaration?.failure) return declaration.failure;
  if (declaration?.spec?.enabled !== false) return undefined;
  return { code: "service_disabled", message: `service ${declaration.name} is switched off (enabled: false)` };
}
