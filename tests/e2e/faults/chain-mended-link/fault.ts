import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "web and api answer 502 because the cache behind them went away while they ran",
  code: "target_unreachable",
  compound: true,
  at: "cache",
  setUp: async (stage) => {
    const { port } = await stage.relay(testbed.redisPort);
    Object.assign(stage.notes, { cache: port, status: 200 });
    stage.notes["port"] = await stage.http((_request, response) =>
      response.writeHead(Number(stage.notes["status"])).end(),
    );
  },
  services: (stage) => [
    ssh({
      target: Number(stage.notes["port"]),
      check: "{type: http, interval: 1s, timeout: 2s, config: {path: /}}",
      more: "depends_on: [api]",
    }),
    ssh({
      name: "api",
      target: Number(stage.notes["port"]),
      check: "{type: http, interval: 1s, timeout: 2s, config: {path: /}}",
      more: "depends_on: [cache]",
    }),
    ssh({ name: "cache", target: Number(stage.notes["cache"]) }),
  ],
  breakIt: async (stage) => {
    stage.notes["status"] = 502;
    stage.closePort(Number(stage.notes["cache"]));
  },
});
