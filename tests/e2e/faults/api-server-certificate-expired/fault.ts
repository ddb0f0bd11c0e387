import { readFile } from "node:fs/promises";
import https from "node:https";
import { kube, kubeconfigOf, ownKubeconfig } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the API server's certificate is out of its time",
  code: "cluster_certificate_expired",
  setUp: async (stage) => {
    const folder = `${process.env["TESTBED_DIR"]}/certs`;
    const [key, cert, ca] = await Promise.all(
      ["expired.key", "expired.pem", "ca.pem"].map((file) => readFile(`${folder}/${file}`)),
    );
    const server = https.createServer({ key, cert }, (_request, response) => response.end("{}"));
    const port = await stage.listen(server);
    const authority = { "certificate-authority-data": ca?.toString("base64") };
    await kubeconfigOf(stage, { server: `https://127.0.0.1:${port}`, ...authority }, { token: "x" });
  },
  services: (stage) => kube(stage, { namespace: "default", resource: "kubernetes", port: 443 }),
  env: ownKubeconfig,
});
