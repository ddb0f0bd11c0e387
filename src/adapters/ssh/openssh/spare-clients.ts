import { MuxClient } from "./mux-client.ts";

/** Connections to the control socket that are ready before they are needed. */
const mostSpares = 8;
/** New ones are made when no connection came for this long: they would be in its way. */
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
    this.#fillSoon();
    for (;;) {
      const spare = this.#spares.shift();
      if (!spare) return this.#over ? undefined : MuxClient.open(this.#controlPath);
      if (spare.usable) return spare;
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

  #fillSoon(): void {
    // Half of them are enough for the moment.
    if (this.#over || this.#spares.length + this.#making > mostSpares / 2) return;
    if (this.#timer) this.#timer.refresh();
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        while (this.#spares.length + this.#making < mostSpares) void this.#make();
      }, calmMs);
      this.#timer.unref();
    }
  }

  async #make(): Promise<void> {
    this.#making++;
    const client = await MuxClient.open(this.#controlPath);
    this.#making--;
    if (!client) return;
    if (this.#over) client.destroy();
    else this.#spares.push(client);
  }
}
