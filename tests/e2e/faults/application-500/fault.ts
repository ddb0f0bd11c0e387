import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application answers 500",
  code: "application_unhealthy",
  services: () => ssh({ target: Number(process.env["TB_UP1_PORT"]), check: httpCheck("/status/500") }),
  evidence: [/500/, /Your connection is fine/],
});
