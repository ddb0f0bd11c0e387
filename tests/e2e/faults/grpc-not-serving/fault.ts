import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the gRPC service says that it does not serve",
  code: "application_unhealthy",
  services: () =>
    ssh({
      target: Number(process.env["TB_GRPC_PORT"]),
      check: "{type: grpc, timeout: 2s, config: {service: tb.Broken}}",
    }),
});
