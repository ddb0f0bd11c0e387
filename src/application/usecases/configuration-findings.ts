import { describeProblem } from "../engine/configuration-problems.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { ClientSession } from "../client.ts";
import type { Answer } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

const shownProblems = 5;

/** What is wrong with the file as it is now, though something else is in force: its problems, an edit that waits or was taken back. */
export function configurationFindings({ configurations }: UseCaseDependencies, workspace: Workspace): object {
  const finding = configurations.finding(workspace.path);
  const plan = finding?.facts?.["plan_id"];
  return {
    ...(workspace.problems.length > 0 && {
      configuration_problems: workspace.problems.slice(0, shownProblems).map(describeProblem),
    }),
    ...(finding && {
      configuration_finding: { code: finding.code, message: finding.message, ...(finding.facts && finding.facts) },
    }),
    ...(plan !== undefined && {
      user_steps: [
        { do: "run", command: `portwright approve ${String(plan)}`, why: "shows the edit that waits, and asks" },
      ],
    }),
  };
}

/** The same in a sentence, with a space before it; empty when all is well. */
export function findingSentence({ configurations }: UseCaseDependencies, workspace: Workspace): string {
  const finding = configurations.finding(workspace.path);
  return finding === undefined ? "" : ` ${finding.message.charAt(0).toUpperCase()}${finding.message.slice(1)}.`;
}

/** The number of the configuration that is in force. */
export function generationOf({ configurations }: UseCaseDependencies, workspace: Workspace): object {
  const number = configurations.of(workspace.path).inForce?.number;
  return number === undefined ? {} : { generation: number };
}

/** An answer about the client's workspace with what is to be said about its file. */
export function withConfigurationFindings(deps: UseCaseDependencies, answer: Answer, client: ClientSession): Answer {
  const workspace = [...deps.engine.workspaces()].find(({ path }) => path === client.workspace);
  if (!workspace) return answer;
  const [problem] = workspace.problems;
  const invalid = problem ? ` The configuration file is not valid and not in force: ${describeProblem(problem)}.` : "";
  const found = { ...configurationFindings(deps, workspace), ...answer };
  return { ...found, summary: `${answer.summary}${invalid}${findingSentence(deps, workspace)}` };
}
