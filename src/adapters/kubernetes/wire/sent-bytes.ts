/** More than this in one go may wait on the server's side while the target takes its time. */
const bulkBytes = 65_536;

/**
 * What is known about the bytes that a stream sent to its target. containerd up to 1.7 does not throw away what it has not
 * passed on when a connection ends: from then on it reads nothing of every fifth stream of the tunnel, or of all of it.
 */
export class SentBytes {
  /** Sent since the target last answered with some. */
  #unanswered = 0;
  #bulk = false;
  /** The server's end came before ours: bytes of ours may have been on their way. */
  #cutShort = false;

  /** Whether some may lie unread on the server's side once the stream is over. */
  get mayBeLeft(): boolean {
    return this.#bulk || (this.#cutShort && this.#unanswered > 0);
  }

  sent(bytes: number): void {
    this.#unanswered += bytes;
    this.#bulk ||= this.#unanswered > bulkBytes;
  }

  answered(): void {
    this.#unanswered = 0;
  }

  /** The server ended the stream before we did. */
  cutShort(): void {
    this.#cutShort = true;
  }
}
