/**
 * Orders two versions by semver 2.0 section 11: negative when `left` is older. Build metadata does not count; what is no
 * version counts as 0.0.0, so that a stranger never makes a daemon step aside.
 */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [parse(left), parse(right)];
  for (let part = 0; part < 3; part++) {
    const difference = (a.numbers[part] ?? 0) - (b.numbers[part] ?? 0);
    if (difference !== 0) return difference;
  }
  // A release is newer than its pre-releases.
  if (a.pre.length === 0 || b.pre.length === 0) return b.pre.length - a.pre.length;
  for (let part = 0; part < Math.max(a.pre.length, b.pre.length); part++) {
    const difference = compareIdentifiers(a.pre[part], b.pre[part]);
    if (difference !== 0) return difference;
  }
  return 0;
}

const pattern = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]*)?$/;

function parse(version: string): { readonly numbers: readonly number[]; readonly pre: readonly string[] } {
  const match = pattern.exec(version);
  if (match === null) return { numbers: [0, 0, 0], pre: [] };
  return { numbers: match.slice(1, 4).map(Number), pre: match[4]?.split(".") ?? [] };
}

function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? -1 : 1;
  const [leftNumber, rightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (leftNumber && rightNumber) return Number(left) - Number(right);
  if (leftNumber !== rightNumber) return leftNumber ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}
