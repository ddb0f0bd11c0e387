import { expect, test } from "vitest";
import { withConnection } from "#application/diagnostics/ladder-details.ts";
import type { Workspace } from "#application/engine/workspace.ts";
import { connectionRows } from "#application/usecases/connection-rows.ts";
import { ladderAllOk } from "#domain/diagnosis/ladder.ts";

const facts = { server: "OpenSSH 9.2p1", cipher: "aes128-gcm@openssh.com", crypto: "native" };
const detailOf = (given: object): string | undefined =>
  withConnection(ladderAllOk("ssh"), { facts: () => ({ ...given }) }).find(({ rung }) => rung === "ssh")?.detail;

test("[ssh-crypto-shown] diagnose says at the rung of the SSH connection which crypto runs", () => {
  expect(detailOf(facts)).toBe("OpenSSH 9.2p1, aes128-gcm@openssh.com, native crypto");
  expect(detailOf({ crypto: "javascript" })).toBe("javascript crypto");
  expect(detailOf({ pod: "web" })).toBeUndefined();
});

test("[ssh-crypto-shown] get_status has a row for each connection that services share", () => {
  const transports: Record<string, object | undefined> = {
    db: { via: "ssh bastion", facts: () => facts },
    cache: { via: "ssh bastion", facts: () => facts },
    api: { via: "pod api-1", facts: () => ({ pod: "api-1" }) },
    off: undefined,
  };
  const workspace = { runtime: (name: string) => ({ transport: transports[name] }) } as unknown as Workspace;
  expect(connectionRows(workspace, Object.keys(transports))).toEqual([
    { via: "ssh bastion", ...facts, services: ["db", "cache"] },
  ]);
});
