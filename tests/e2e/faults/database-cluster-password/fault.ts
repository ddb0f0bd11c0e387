import { postgresDeployment, service } from "../../../support/cluster.ts";
import { kube, postgresCheck } from "../declare.ts";
import { defineFault, ready } from "../fault.ts";

export default defineFault({
  title: "the password of a database in the cluster was rotated",
  code: "application_auth_failed",
  manifests: ({ namespace, name }) => [postgresDeployment(namespace, name), service(namespace, name, 5432)],
  until: ready(1),
  services: (stage) =>
    kube(stage, {
      port: 5432,
      check: postgresCheck('{database: app, user: postgres, password: "${env:DB_PASSWORD}"}'),
    }),
  env: () => ({ DB_PASSWORD: "old" }),
});
