import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import type { SshService } from "#domain/spec/service.ts";
import { serviceSchema } from "#domain/spec/service.ts";

/** A person's home folder with an `.ssh` of its own, and the access to it; nothing of the machine's user leaks in. */
export interface SshHome extends AsyncDisposable {
  readonly dir: string;
  readonly access: Access;
  /** Variables that `access.env` answers; may be changed between dials. */
  readonly env: Record<string, string>;
  /** Writes a file below `.ssh` (mode 0600) and returns its path. */
  write(name: string, content: string): Promise<string>;
}

export async function sshHome(): Promise<SshHome> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "portwright-ssh-"));
  await mkdir(path.join(dir, ".ssh"), { mode: 0o700 });
  const env: Record<string, string> = { USER: "tester" };
  const access: Access = {
    env: (name) => env[name],
    environment: () => env,
    homeDir: dir,
    workspaceDir: dir,
    resolve: (template) =>
      Promise.resolve(template.replaceAll(/\$\{env:(\w+)\}/g, (_, name: string) => env[name] ?? "")),
  };
  return {
    dir,
    access,
    env,
    async write(name, content) {
      const file = path.join(dir, ".ssh", name);
      await writeFile(file, content, { mode: 0o600 });
      return file;
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A service of technology ssh as the schema makes it, from the keys that a configuration file has. */
export function sshService(connection: Record<string, unknown>, remotePort: number): SshService {
  const service = serviceSchema.parse({ name: "test", technology: "ssh", remote_port: remotePort, connection });
  if (service.technology !== "ssh") throw new Error("not an ssh service");
  return service;
}
