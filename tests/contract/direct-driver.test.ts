import { createDirectDriver, directService, emptyAccess } from "../support/direct-driver.ts";
import { forwardDriverContract } from "./forward-driver-contract.ts";

forwardDriverContract("direct (the fake of the engine's tests)", async () => {
  const driver = createDirectDriver();
  return {
    driver,
    access: emptyAccess,
    serviceFor: (port) => directService("target", port),
    cut: async () => driver.cut(),
    closedPortCode: "target_unreachable",
    [Symbol.asyncDispose]: () => driver.close(),
  };
});
