/** Of all that a server says until its identification is over: RFC 4253 §4.2 allows any number of lines before it. */
export const longestIdentification: number = 8 * 1024;
/** As evidence. */
const longestShown = 1024;

/** Reads along with ssh2 what a server says before the key exchange, for what it is and for evidence when it is none. */
export class ServerIdentification {
  #text = "";
  #line: string | undefined;

  /** Bytes in the order in which they arrive; returns true once the identification line is complete. */
  take(bytes: Buffer): boolean {
    if (this.#line !== undefined) return true;
    this.#text = (this.#text + bytes.toString("latin1")).slice(0, longestIdentification);
    // Only then it can be complete: what comes byte by byte is not looked through for each.
    if (bytes.includes(0x0a)) this.#line = /^(SSH-[^\r\n]*)\r?\n/m.exec(this.#text)?.[1];
    return this.#line !== undefined;
  }

  /** Whether it is SSH 2 (RFC 4253 §5: `1.99` is a server that also speaks 1). */
  get speaksSsh2(): boolean {
    return /^SSH-(2\.0|1\.99)-/.test(this.#line ?? "");
  }

  /** What came instead of or before the identification: text from outside, at most 1 KiB; `undefined` when nothing came. */
  get received(): string | undefined {
    return this.#text === "" ? undefined : this.#text.slice(0, longestShown);
  }

  /**
   * OpenSSH says `Exceeded MaxStartups` or `Not allowed at this time` in place of its identification when it is full, and
   * nothing but this text tells it from another protocol.
   */
  get serverIsFull(): boolean {
    return /^(Exceeded MaxStartups|Not allowed at this time)\r?\n/.test(this.#text);
  }

  /** The software in our words: a known name with its version, never the server's own text. */
  get software(): string {
    const said = /^SSH-(?:2\.0|1\.99)-(\S+)/.exec(this.#line ?? "")?.[1] ?? "";
    for (const [name, pattern] of knownSoftware) {
      const match = pattern.exec(said);
      if (match) return match[1] === undefined ? name : `${name} ${match[1]}`;
    }
    return "other";
  }
}

const knownSoftware: readonly (readonly [string, RegExp])[] = [
  ["OpenSSH", /^OpenSSH_(?:for_Windows_)?(\d{1,2}\.\d{1,2}(?:p\d{1,2})?)/],
  ["Dropbear", /^dropbear(?:_(\d{4}\.\d{1,3}))?/],
  ["ssh2", /^ssh2js(\d{1,2}\.\d{1,3}\.\d{1,3})?/],
  ["libssh", /^libssh[-_](\d{1,2}\.\d{1,2}(?:\.\d{1,2})?)/],
  ["Teleport", /^Teleport/],
  ["Tailscale", /^Tailscale/],
  ["Go", /^Go\b/],
  ["AsyncSSH", /^AsyncSSH_(\d{1,2}\.\d{1,3}\.\d{1,3})/],
  ["Paramiko", /^paramiko_(\d{1,2}\.\d{1,3}\.\d{1,3})/],
  ["Cisco", /^Cisco-(\d\.\d{1,2})/],
];
