import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "two services wait for each other",
  code: "dependency_cycle",
  services: () => [ssh({ more: "depends_on: [other]" }), ssh({ name: "other", more: "depends_on: [it]" })],
});
