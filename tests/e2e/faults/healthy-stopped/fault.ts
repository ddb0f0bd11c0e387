import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service that nobody started, whose way is fine",
  code: undefined,
  start: false,
  services: () => ssh(),
});
