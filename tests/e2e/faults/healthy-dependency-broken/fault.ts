import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service that works although one that it depends on broke after it had started",
  code: undefined,
  also: ["target_unreachable"],
  setUp: async (stage) => {
    stage.notes["port"] = (await stage.relay(testbed.redisPort)).port;
  },
  services: (stage) => [
    ssh({ more: "depends_on: [cache]" }),
    ssh({ name: "cache", target: Number(stage.notes["port"]) }),
  ],
  breakIt: (stage) => {
    stage.closePort(Number(stage.notes["port"]));
  },
});
