import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the service is switched off",
  code: "service_disabled",
  services: () => ssh({ more: "enabled: false" }),
});
