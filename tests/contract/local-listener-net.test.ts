import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";
import { localListenerContract } from "./local-listener-contract.ts";

localListenerContract(() => createLocalListeners({ clock: createSystemClock(), portOwners: createPortOwners() }));
