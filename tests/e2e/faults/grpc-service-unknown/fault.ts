import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the gRPC server has no such service",
  code: "check_path_missing",
  services: () =>
    ssh({
      target: Number(process.env["TB_GRPC_PORT"]),
      check: "{type: grpc, timeout: 2s, config: {service: nobody.Knows}}",
    }),
});
