/** `npm run bench -- NAME [ARGUMENTS…]` runs `bench/NAME.ts`; without a name it says which there are. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

const names = readdirSync("bench", { withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => entry.name.slice(0, -".ts".length));
const [name, ...args] = process.argv.slice(2);

if (name !== undefined && names.includes(name)) {
  const { status } = spawnSync(process.execPath, [`bench/${name}.ts`, ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else {
  console.log(`usage: npm run bench -- NAME\nthere are: ${names.join(", ") || "none yet"}`);
  process.exitCode = name === undefined ? 0 : 2;
}
