import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a Redis that is asked with TLS and has none",
  code: "protocol_mismatch",
  services: () => ssh({ check: "{type: redis, timeout: 2s, config: {tls: true}}" }),
  evidence: [/redis without TLS/, /"tls":false/],
});
