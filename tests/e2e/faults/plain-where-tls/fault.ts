import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the target has no TLS and is asked with",
  code: "protocol_mismatch",
  services: () =>
    ssh({ target: Number(process.env["TB_UP1_PORT"]), check: "{type: https, timeout: 2s, config: {path: /health}}" }),
});
