import type * as z from "zod";
import type { Remedy } from "#domain/diagnosis/remedies.ts";
import type { ClientSession } from "../client.ts";

/** What a call may use besides its arguments. */
export interface CallContext {
  readonly client: ClientSession;
  /** Ends when the client cancels, or goes away. */
  readonly signal: AbortSignal;
  /** One line about long work; dropped when the client asked for no progress. */
  progress(message: string, done?: number, total?: number): void;
}

export interface NextStep {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly why: string;
}

/** What every answer has: `summary` first, at most three complete `next_steps` last. */
export interface Answer {
  readonly summary: string;
  readonly [fact: string]: unknown;
  /** For the person: logins, cluster changes, edits of files that are not ours. */
  readonly user_steps?: readonly Remedy[];
  readonly next_steps?: readonly NextStep[];
}

export interface ToolHints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** One tool: its schemas, its words, and the one use case that it calls. `U` is the slice of use cases that it needs. */
export interface ToolDefinition<I extends z.ZodType = z.ZodType, U = never> {
  readonly name: string;
  readonly title: string;
  /** What, when, what comes back, what next. */
  readonly description: string;
  readonly input: I;
  readonly output: z.ZodType;
  readonly annotations: ToolHints;
  run(useCases: U, args: z.output<I>, context: CallContext): Promise<Answer>;
}
