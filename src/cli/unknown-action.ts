import { nearestName } from "#domain/names.ts";
import { exit, type Invocation } from "./command.ts";
import { didYouMean } from "./parse-command-line.ts";

/** Says which actions a command has, and which was probably meant. @returns the exit code of wrong usage */
export function unknownAction(
  { stderr }: Invocation,
  command: string,
  action: string,
  known: readonly string[],
): number {
  const nearest = didYouMean(nearestName(action, known));
  stderr.write(`portwright ${command}: unknown action ${action}${nearest}; it is one of ${known.join(", ")}\n`);
  return exit.usage;
}
