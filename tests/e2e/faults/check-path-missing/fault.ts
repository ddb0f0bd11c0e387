import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the check's page does not exist",
  code: "check_path_missing",
  services: () => ssh({ target: Number(process.env["TB_UP1_PORT"]), check: httpCheck("/status/404") }),
  evidence: [/404/],
});
