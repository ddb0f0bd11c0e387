import Module from "node:module";
import { vi } from "vitest";
import { describeCiphers } from "../contract/ssh-ciphers.ts";

// Before ssh2 is loaded: as where its addon was never built.
const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
const load = loader._load;
vi.spyOn(loader, "_load").mockImplementation((request, ...rest) => {
  if (request.endsWith("sshcrypto.node")) throw new Error("not built");
  return load.call(Module, request, ...rest);
});

describeCiphers("javascript", async () => (await import("#adapters/ssh/index.ts")).createSshDriver());
