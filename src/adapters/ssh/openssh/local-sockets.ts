import path from "node:path";
import type { RouteTarget } from "#application/ports/route.ts";
import { control, type Control } from "./control.ts";

/** More targets than this over one connection: those that nobody uses make room. */
const mostSockets = 64;

/** A Unix socket that leads to a target. */
export interface LocalSocket {
  readonly path: string;
  readonly spec: string;
  /** `undefined`: OpenSSH does not forward there. */
  readonly ready: Promise<string | undefined>;
  users: number;
}

/** The local sockets of one OpenSSH, one for each target, made when it is first wanted. */
export class LocalSockets {
  readonly #running: Control;
  readonly #dir: string;
  readonly #sockets = new Map<string, LocalSocket>();
  #count = 0;

  /** @param dir a folder of mode 0700 */
  constructor(running: Control, dir: string) {
    this.#running = running;
    this.#dir = dir;
  }

  to(to: RouteTarget): LocalSocket {
    const target = "socket" in to ? to.socket : `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
    const known = this.#sockets.get(target);
    if (known) return known;
    for (const [name, other] of this.#sockets) {
      if (this.#sockets.size < mostSockets) break;
      if (other.users > 0) continue;
      this.#sockets.delete(name);
      void control(this.#running, "cancel", "-L", other.spec);
    }
    const socketPath = path.join(this.#dir, String(++this.#count));
    const spec = `${socketPath}:${target}`;
    const local = { path: socketPath, spec, ready: control(this.#running, "forward", "-L", spec), users: 0 };
    this.#sockets.set(target, local);
    void local.ready.then((done) => {
      if (done === undefined) this.#sockets.delete(target);
    });
    return local;
  }
}
