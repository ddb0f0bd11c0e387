import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";

/** A step that did not work; the message is for the person and ends the set-up. */
export class StepFailed extends Error {}

/** One line for the person. On stderr: stdout belongs to the command that follows. */
export function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

const keptOutput = 16_384;

/**
 * Runs one program of a step, quietly: its output is shown only when it fails.
 * @returns {Promise<{ok: boolean, output: string, seconds: string}>}
 */
export function runQuietly(program, args, { cwd, env }) {
  const started = Date.now();
  return new Promise((resolve) => {
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-keptOutput);
    };
    const done = (ok) => resolve({ ok, output, seconds: ((Date.now() - started) / 1000).toFixed(1) });
    // npm is a .cmd file on Windows, which only a shell starts; all arguments here are our own constants.
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32" && program === "npm",
    });
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      keep(error.message);
      done(false);
    });
    child.on("close", (code) => done(code === 0));
  });
}

/** The folders of PATH without any project's commands, so that npm runs on the machine's own Node. */
export function machinePath() {
  const inPackages = join("node_modules", ".bin");
  const folders = (process.env.PATH || "").split(delimiter);
  return folders.filter((folder) => !folder.includes(inPackages)).join(delimiter);
}

/**
 * The environment for npm: what `npm run` put in for its own script is taken out, or an outer call's settings
 * (`npm_config_global`, `npm_config_omit`, another prefix) would decide what is installed here.
 */
export function npmEnvironment(path, extra = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_(lifecycle|package)_|INIT_CWD$)/.test(name));
  const env = { ...Object.fromEntries(kept), ...extra, PATH: path };
  for (const name of ["global", "omit", "only", "production", "prefix", "local_prefix", "ignore_scripts", "dry_run"]) {
    delete env[`npm_config_${name}`];
  }
  return env;
}
