import { ConnectivityError } from "#domain/connectivity-error.ts";
import { nextWord } from "./lines.ts";
import { matchesHostList, matchesPatternList } from "./patterns.ts";

/** What the criteria of a `Match` line are judged by. */
export interface MatchContext {
  /** The host as it is known so far: `HostName` where one was found. */
  readonly host: string;
  readonly originalHost: string;
  readonly user: string;
  readonly localUser: string;
  /** The second reading, with the final name of the host. */
  readonly finalPass: boolean;
  /** Runs the command of `Match exec`, tokens unexpanded, and says whether it ended with 0. */
  exec(command: string): Promise<boolean>;
}

/** What a `Match` line means. */
export interface MatchVerdict {
  readonly applies: boolean;
  /** It has `final`: the files are to be read a second time. */
  readonly wantsFinal: boolean;
}

/**
 * Judges a `Match` line (readconf.c of OpenSSH, match_cfg_line). A command runs only when all before it match.
 * @throws ConnectivityError `config_invalid` for a criterion that does not exist or has no argument
 */
export async function judgeMatch(line: string, context: MatchContext): Promise<MatchVerdict> {
  let applies = true;
  let wantsFinal = false;
  let rest = line;
  let criteria = 0;
  while (rest !== "") {
    const word = nextWord(rest);
    ({ rest } = word);
    if (word.token === undefined || word.token === "") throw invalid();
    if (word.token.startsWith("#")) break;
    const negated = word.token.startsWith("!");
    const name = word.token.slice(negated ? 1 : 0).toLowerCase();
    if (name === "all") {
      // Only `canonical` or `final` may stand before it, nothing behind.
      if (criteria > 1 || (rest !== "" && !rest.startsWith("#"))) throw invalid();
      return { applies: applies && !negated, wantsFinal };
    }
    criteria++;
    if (name === "canonical" || name === "final") {
      wantsFinal ||= name === "final";
      if (context.finalPass === negated) applies = false;
      continue;
    }
    const argument = nextWord(rest);
    ({ rest } = argument);
    if (!argument.token || argument.token.startsWith("#")) throw invalid();
    if (name === "exec" && !applies) continue;
    if ((await holds(name, argument.token, context)) === negated) applies = false;
  }
  return { applies, wantsFinal };
}

function holds(criterion: string, argument: string, context: MatchContext): boolean | Promise<boolean> {
  switch (criterion) {
    case "host":
      return matchesHostList(argument, context.host);
    case "originalhost":
      return matchesHostList(argument, context.originalHost);
    case "user":
      return matchesPatternList(argument, context.user);
    case "localuser":
      return matchesPatternList(argument, context.localUser);
    case "exec":
      return context.exec(argument);
    // Nothing of ours has a tag, a session type or a command, and networks are not looked at.
    case "tagged":
    case "localnetwork":
    case "command":
      return false;
    case "sessiontype":
      return matchesPatternList(argument, "none");
    case "version":
      return false;
    default:
      throw invalid();
  }
}

const invalid = (): ConnectivityError =>
  new ConnectivityError("config_invalid", "a Match line of the SSH configuration cannot be understood");
