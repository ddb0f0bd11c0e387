import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a certificate of nobody's, where nobody wants it verified",
  code: undefined,
  services: () =>
    ssh({
      target: Number(process.env["TB_UP1_PORT"]) + 1000,
      check: "{type: https, timeout: 2s, config: {path: /health, verify_ssl: false}}",
    }),
});
