import { httpCheck, ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the target wants TLS and is asked without",
  code: "protocol_mismatch",
  services: () => ssh({ target: Number(process.env["TB_UP1_PORT"]) + 1000, check: httpCheck("/health") }),
  evidence: [/HTTPS|tls/],
});
