import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "the key file is no key",
  code: "ssh_key_unreadable",
  setUp: async (stage) => {
    stage.notes["key"] = await stage.write("id_garbage", "this is no key\n");
  },
  services: (stage) => ssh({ key: String(stage.notes["key"]) }),
});
