/**
 * Whether a call of vitest runs everything that there is, so that its coverage says something: no filter and no other
 * mode, and the testbed's SSH and cluster are there, without which a part of the tests is skipped.
 * @param words what follows `vitest` on its command line
 */
export function isWholeRun(words: readonly string[], env: Readonly<Record<string, string | undefined>>): boolean {
  const [mode, ...options] = words;
  return (
    mode === "run" &&
    options.every((option) => option.startsWith("--coverage")) &&
    Boolean(env["TB_SSH_CLIENT_DIR"]) &&
    Boolean(env["TESTBED_KUBECONFIG"])
  );
}
