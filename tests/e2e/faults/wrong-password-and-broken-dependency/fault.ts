import { testbed } from "../../../support/testbed.ts";
import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a wrong password is not the fault of a dependency that is broken too",
  code: "application_auth_failed",
  compound: true,
  at: "it",
  also: ["target_unreachable"],
  setUp: async (stage) => {
    stage.notes["cache"] = (await stage.relay(testbed.redisPort)).port;
    stage.notes["status"] = 200;
    stage.notes["port"] = await stage.http((_request, response) =>
      response.writeHead(Number(stage.notes["status"])).end(),
    );
  },
  services: (stage) => [
    ssh({ target: Number(stage.notes["port"]), check: httpCheck("/"), more: "depends_on: [cache]" }),
    ssh({ name: "cache", target: Number(stage.notes["cache"]) }),
  ],
  breakIt: async (stage) => {
    stage.notes["status"] = 401;
    stage.closePort(Number(stage.notes["cache"]));
  },
});
