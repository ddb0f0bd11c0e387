import { readFile } from "node:fs/promises";
import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the way to the bastion is cut while it is used",
  code: "host_unreachable",
  evidence: [/was ready until then/],
  setUp: async (stage) => {
    stage.notes["port"] = (await stage.relay(testbed.ssh?.bastionPort ?? 0)).port;
    const known = await readFile(`${testbed.ssh?.clientDir}/known_hosts`, "utf8");
    const there = known.replaceAll(`]:${testbed.ssh?.bastionPort} `, `]:${stage.notes["port"]} `);
    stage.notes["known"] = await stage.write("known_hosts", there);
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]), knownHosts: String(stage.notes["known"]) }),
  breakIt: (stage) => stage.closePort(Number(stage.notes["port"])),
});
