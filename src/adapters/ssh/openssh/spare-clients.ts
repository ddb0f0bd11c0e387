import { MuxClient } from "./mux-client.ts";

/** Connections to the control socket that are ready before they are needed. */
const mostSpares = 8;
/** With fewer, some are made at once, several together: then only some of many connections wait for that. */
const fewestSpares = 4;
const atOnce = 8;
/** Else new ones are made when no connection came for this long: they would be in its way. */
const calmMs = 5;

/** Has control connections ready: to make one takes longer than to use it. */
export class SpareClients {
  readonly #controlPath: string;
  readonly #spares: MuxClient[];
  #timer: NodeJS.Timeout | undefined;
  #making = 0;
  #over = false;

  constructor(controlPath: string, first: MuxClient) {
    this.#controlPath = controlPath;
    this.#spares = [first];
  }

  /** @returns `undefined` when OpenSSH gives no more */
  async take(): Promise<MuxClient | undefined> {
    for (;;) {
      const spare = this.#spares.shift();
      if (!spare) return this.#over ? undefined : MuxClient.connect(this.#controlPath);
      if (spare.usable) return spare;
    }
  }

  /** One was used, and its channel is open: the next ones can be made. */
  refill(): void {
    if (this.#over) return;
    if (this.#spares.length + this.#making < fewestSpares) this.#fill(atOnce);
    if (this.#timer) this.#timer.refresh();
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#fill(mostSpares);
      }, calmMs);
      this.#timer.unref();
    }
  }

  /** Has OpenSSH go once through its loop. */
  nudge(): void {
    const spare = this.#spares.find(({ usable }) => usable);
    if (spare) spare.nudge();
    else if (!this.#over) void this.#make();
  }

  /** Lets those go that are not in use. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const spare of this.#spares.splice(0)) spare.destroy();
  }

  #fill(until: number): void {
    while (this.#spares.length + this.#making < until) void this.#make();
  }

  async #make(): Promise<void> {
    this.#making++;
    const client = await MuxClient.connect(this.#controlPath);
    this.#making--;
    if (!client) return;
    if (this.#over) client.destroy();
    else this.#spares.push(client);
  }
}
