import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Answer } from "#application/surface/tool-definition.ts";
import { wayOnFor } from "./ways-on.ts";

/** What was tried, in a few words: the tool and the service it was about. */
export function tried(tool: string, args: unknown): string {
  const service = typeof args === "object" && args !== null ? (args as { service?: unknown }).service : undefined;
  return typeof service === "string" ? `${tool} for one service` : tool;
}

const sentence = (message: string): string => {
  const ended = /[.!?]$/.test(message) ? message : `${message}.`;
  return `${ended.charAt(0).toUpperCase()}${ended.slice(1)}`;
};

/** The answer of a call that failed: code, our sentence, what was tried, the likely cause, whether a retry helps, the way on. */
export function errorAnswer(error: ConnectivityError, what: string): Answer {
  const remedy = wayOnFor(error.code, error.facts);
  return {
    summary: sentence(error.message),
    error: {
      code: error.code,
      message: error.message,
      tried: what,
      likely_cause: remedy.cause,
      retryable: error.retryable,
      ...(Object.keys(error.facts).length > 0 && { facts: error.facts }),
    },
    ...(error.untrusted !== undefined && { untrusted: { source: what, text: error.untrusted } }),
    ...(remedy.userSteps !== undefined && { user_steps: remedy.userSteps }),
    next_steps: remedy.nextSteps ?? [],
  };
}
