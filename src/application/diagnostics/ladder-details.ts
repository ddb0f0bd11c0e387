import type { RungFinding } from "#domain/diagnosis/ladder.ts";
import type { Transport } from "../ports/forward-driver.ts";

/** Says at the rung of the SSH connection what it runs on. */
export function withConnection(
  ladder: readonly RungFinding[],
  transport: Pick<Transport, "facts">,
): readonly RungFinding[] {
  const { crypto, cipher, server } = transport.facts();
  if (crypto === undefined) return ladder;
  const detail = [server, cipher, `${String(crypto)} crypto`].filter((part) => part !== undefined).join(", ");
  return ladder.map((finding) =>
    finding.rung === "ssh" && finding.status === "ok" ? { ...finding, detail } : finding,
  );
}
