import { readFile } from "node:fs/promises";
import https from "node:https";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the application's certificate has expired",
  code: "certificate_expired",
  setUp: async (stage) => {
    const folder = `${process.env["TESTBED_DIR"]}/certs`;
    const [key, cert] = await Promise.all(["expired.key", "expired.pem"].map((file) => readFile(`${folder}/${file}`)));
    stage.notes["port"] = await stage.listen(
      https.createServer({ key, cert }, (_request, response) => response.end("ok")),
    );
  },
  services: (stage) =>
    ssh({ target: Number(stage.notes["port"]), check: "{type: https, timeout: 2s, config: {path: /}}" }),
});
