import { testbed } from "../../../support/testbed.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the agent's socket leads nowhere, and there is no key beside it",
  code: "ssh_agent_unavailable",
  services: () =>
    `{name: it, technology: ssh, remote_port: 6379, connection: {host: 127.0.0.1, port: ${testbed.ssh?.bastionPort}, user: tbuser, known_hosts_file: "${testbed.ssh?.clientDir}/known_hosts"}, health_check: {type: redis, timeout: 2s}}`,
  env: (stage) => ({ SSH_AUTH_SOCK: `${stage.folder}/no-agent.sock` }),
});
