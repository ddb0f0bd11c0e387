import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the file has a key that nobody knows",
  code: "config_invalid",
  services: () => "{name: it, technology: ssh, remote_prt: 6379, connection: {host: bastion}}",
  evidence: [/remote_prt/],
});
