import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a service is asked about that nobody declared",
  code: "unknown_service",
  ask: "something-else",
  services: () => ssh(),
});
