import { networkInterfaces } from "node:os";
import type { LocalAddresses } from "#application/ports/local-addresses.ts";

/** Link-local ones come and go with every container's interface, and lead nowhere. */
const linkLocal = /^(?:fe[89ab]|169\.254\.)/i;

/** The machine's own addresses, as the system lists them. */
export function createLocalAddresses(): LocalAddresses {
  return {
    fingerprint: () =>
      Object.entries(networkInterfaces())
        .flatMap(([name, addresses = []]) =>
          addresses
            .filter(({ internal, address }) => !internal && !linkLocal.test(address))
            .map(({ cidr, address }) => `${name} ${cidr ?? address}`),
        )
        .toSorted()
        .join("\n"),
  };
}
