/**
 * The staged faults of `tests/e2e/faults/` against the testbed: fault, expected, found, milliseconds, tokens, and the score.
 * Words name folders; `--rounds N` asks the whole suite N times.
 */
import { loadFaults, rowOf, runFaults, scoreOf } from "../tests/e2e/faults/run-faults.ts";

const args = process.argv.slice(2);
const roundsAt = args.indexOf("--rounds");
const rounds = roundsAt === -1 ? 1 : Number(args[roundsAt + 1]);
const words = args.filter(
  (word, index) => index !== roundsAt && (roundsAt === -1 || index !== roundsAt + 1) && !word.startsWith("--"),
);
const faults = await loadFaults(words);
const answers = new Map<string, Set<string>>();
for (let round = 1; round <= rounds; round++) {
  console.log(`     ${"fault".padEnd(34)} ${"expected".padEnd(28)} ${"found".padEnd(28)}    ms tokens`);
  const results = await runFaults(faults, (result) => {
    console.log(rowOf(result));
    if (args.includes("--show")) console.log(JSON.stringify(result.answer, null, 1));
  });
  for (const { name, found } of results) answers.set(name, (answers.get(name) ?? new Set()).add(found ?? "nothing"));
  for (const line of scoreOf(results)) console.log(line);
}
if (rounds > 1)
  console.log(
    `the same in ${rounds} rounds: ${[...answers.values()].filter((found) => found.size === 1).length} of ${answers.size}`,
  );
process.exit(0);
