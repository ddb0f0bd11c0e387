import type { ErrorCode } from "#domain/error-catalogue.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import { remediesFor, type Remedy } from "#domain/diagnosis/remedies.ts";
import type { NextStep } from "#application/surface/tool-definition.ts";

/** What an error answer adds to the code and the sentence of a `ConnectivityError`. */
interface WayOn {
  readonly cause: string;
  readonly userSteps?: readonly Remedy[];
  readonly nextSteps?: readonly NextStep[];
}

const step = (tool: string, args: Record<string, unknown>, why: string): NextStep => ({ tool, arguments: args, why });
const run = (command: string, why: string): Remedy => ({ do: "run", command, why });

const status = step("get_status", {}, "what is there, by its declared names");
const textFact = (facts: Facts, key: string): string | undefined =>
  typeof facts[key] === "string" ? facts[key] : undefined;

/** Codes that a call itself can end with, each with its own way on. The rest is explained by `diagnose`. */
const waysOn: Partial<Record<ErrorCode, (facts: Facts) => WayOn>> = {
  config_not_found: () => ({
    cause: "no portwright.yaml or localport.yaml here or above, and --config names none that exists",
    userSteps: [{ do: "edit", where: "portwright.yaml", what: "declare the services (portwright config schema)" }],
    nextSteps: [status],
  }),
  config_invalid: () => ({
    cause: "the configuration file does not fit its schema",
    userSteps: [run("portwright config validate", "every problem with file, line and column")],
    nextSteps: [],
  }),
  unknown_service: () => ({
    cause: "the name is misspelt, or the service is declared in another workspace",
    nextSteps: [status],
  }),
  unknown_environment: () => ({
    cause: "the name is misspelt, or the environment is declared in another workspace",
    nextSteps: [status],
  }),
  variable_missing: () => ({
    cause: "the client's environment has no such variable",
    nextSteps: [],
  }),
  service_disabled: () => ({ cause: "enabled: false in the configuration", nextSteps: [status] }),
  local_port_in_use: () => ({
    cause: "another program listens on the port",
    nextSteps: [step("get_status", { include: ["workspaces"] }, "whether another workspace of yours holds it")],
  }),
  held_by_other_client: () => ({
    cause: "another client of the same user still wants it",
    nextSteps: [step("get_status", { include: ["workspaces"] }, "who wants it")],
  }),
  operation_timed_out: () => ({ cause: "it took longer than its limit", nextSteps: [status] }),
  still_working: (facts) => {
    const operation = textFact(facts, "operation");
    return {
      cause: "the work goes on in the background",
      nextSteps: operation === undefined ? [status] : [step("wait_for", { operation }, "waits for its end")],
    };
  },
  cancelled: () => ({ cause: "the client took the call back, or went away", nextSteps: [] }),
  not_supported: () => ({ cause: "this version of Portwright cannot do it", nextSteps: [] }),
  invalid_arguments: () => ({ cause: "the arguments do not fit together", nextSteps: [] }),
  daemon_unreachable: () => ({
    cause: "the daemon ended or is being replaced",
    userSteps: [run("portwright daemon logs", "its last lines")],
    nextSteps: [status],
  }),
  workspace_untrusted: () => ({
    cause: "the configuration runs programs or reads secrets, and nobody has trusted it yet",
    userSteps: [run("portwright trust", "shows what it would run and asks")],
    nextSteps: [],
  }),
  internal_error: () => ({
    cause: "a defect in Portwright",
    userSteps: [run("portwright daemon logs", "what was logged about it")],
    nextSteps: [status],
  }),
};

const sides = {
  you: "something on this machine or in its configuration",
  network: "the network between here and there",
  platform: "the cluster or host, not your code",
  service: "the service itself, not the connection",
  none: "see the message",
} as const;

/** The likely cause and the way on for a code, with steps that are complete from the facts alone. */
export function wayOnFor(code: ErrorCode, facts: Facts): WayOn {
  const mend = remediesFor({ code, message: "", facts }).slice(0, 3);
  const own = { ...(mend.length > 0 && { userSteps: mend }), ...waysOn[code]?.(facts) };
  if (own.nextSteps !== undefined) return { cause: sides[errorCatalogue[code].side], ...own };
  const service = textFact(facts, "service");
  const next =
    service === undefined
      ? step("diagnose", {}, "ranks causes over everything")
      : step("diagnose", { service }, "names the root cause with evidence");
  return { cause: sides[errorCatalogue[code].side], ...own, nextSteps: [next] };
}
