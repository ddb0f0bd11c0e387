import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "web needs api, which needs the cache, which is not there",
  code: "target_unreachable",
  compound: true,
  at: "cache",
  setUp: async (stage) => {
    stage.notes["port"] = await stage.http((_request, response) => response.writeHead(502).end());
  },
  services: (stage) => [
    ssh({ target: Number(stage.notes["port"]), check: httpCheck("/"), more: "depends_on: [api]" }),
    ssh({ name: "api", target: Number(stage.notes["port"]), check: httpCheck("/"), more: "depends_on: [cache]" }),
    ssh({ name: "cache", target: 9 }),
  ],
});
