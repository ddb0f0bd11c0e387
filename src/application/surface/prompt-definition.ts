import type * as z from "zod";
import type { ClientSession } from "../client.ts";
import type { Answer, CallContext } from "./tool-definition.ts";

/** What a prompt says for the user, and the measured data that it carries. */
interface PromptContent {
  readonly says: string;
  readonly data: Answer;
}

/** One prompt: a sentence of the user's with data that a use case measured just now; never a list of things to do. */
export interface PromptDefinition<I extends z.ZodObject = z.ZodObject, U = never> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: I;
  /** Names that can be completed, by argument. */
  readonly complete?: Readonly<Record<string, (useCases: U, client: ClientSession) => Promise<readonly string[]>>>;
  run(useCases: U, args: z.output<I>, context: CallContext): Promise<PromptContent>;
}
