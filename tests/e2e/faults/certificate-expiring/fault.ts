import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a certificate that ends sooner than is wanted",
  code: "certificate_expiring",
  services: () =>
    ssh({
      target: Number(process.env["TB_UP1_PORT"]) + 1000,
      check: "{type: tls, timeout: 2s, config: {verify_ssl: false, min_days_left: 3650}}",
    }),
});
