import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a whole environment that is well",
  code: undefined,
  ask: null,
  services: () => [ssh(), ssh({ name: "second" }), ssh({ name: "third" })],
});
