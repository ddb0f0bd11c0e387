import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "two ways lead from web to one service that is broken",
  code: "target_unreachable",
  compound: true,
  at: "store",
  services: () => [
    ssh({ more: "depends_on: [orders, users]" }),
    ssh({ name: "orders", more: "depends_on: [store]" }),
    ssh({ name: "users", more: "depends_on: [store]" }),
    ssh({ name: "store", target: 9 }),
  ],
});
