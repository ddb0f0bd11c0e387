import https from "node:https";
import { serverCertificate } from "../../../support/test-certificates.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application lets in only who shows a client certificate",
  code: "application_auth_failed",
  setUp: async (stage) => {
    const options = { ...serverCertificate, ca: serverCertificate.cert, requestCert: true, rejectUnauthorized: true };
    stage.notes["port"] = await stage.listen(https.createServer(options, (_request, response) => response.end("ok")));
  },
  services: (stage) =>
    ssh({
      target: Number(stage.notes["port"]),
      check: "{type: https, timeout: 2s, config: {path: /, verify_ssl: false}}",
    }),
  evidence: [/client certificate/],
});
