import { createSshDriver } from "#adapters/ssh/index.ts";
import { describeCiphers } from "../contract/ssh-ciphers.ts";

describeCiphers("native", () => Promise.resolve(createSshDriver()));
