import { readFile } from "node:fs/promises";
import https from "node:https";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a certificate of an authority that the person named",
  code: undefined,
  setUp: async (stage) => {
    const folder = `${process.env["TESTBED_DIR"]}/certs`;
    const [key, cert] = await Promise.all(["server.key", "server.pem"].map((file) => readFile(`${folder}/${file}`)));
    stage.notes["port"] = await stage.listen(
      https.createServer({ key, cert }, (_request, response) => response.end("ok")),
    );
  },
  services: (stage) =>
    ssh({ target: Number(stage.notes["port"]), check: "{type: https, timeout: 2s, config: {path: /}}" }),
  env: () => ({ NODE_EXTRA_CA_CERTS: `${process.env["TESTBED_DIR"]}/certs/ca.pem` }),
});
