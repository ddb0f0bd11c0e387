/** Keys that Kubernetes and its tools write: they say nothing of a person's own. */
const toolPrefix = /(?:^|\.)(?:kubernetes\.io|k8s\.io|openshift\.io|helm\.sh|cattle\.io)\//;
const key = /^[A-Za-z0-9][\w./-]{0,300}$/;
const shown = 12;
const longest = 300;

/** Labels or annotations that people gave an object themselves: at most twelve, clipped. Values are text from outside. */
export function ownWords(words: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(words ?? {})
      .filter(([name, value]) => key.test(name) && !toolPrefix.test(name) && typeof value === "string")
      .slice(0, shown)
      .map(([name, value]) => [name, value.slice(0, longest)]),
  );
}
