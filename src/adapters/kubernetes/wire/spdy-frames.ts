/**
 * Writing SPDY/3.1 frames as a Kubernetes port-forward uses them (SPDY protocol draft 3.1, sections 2.2 and 2.6; moby/spdystream
 * is the other side). Pure: bytes out, no sockets.
 */
export const controlType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const flagFin = 1;
/** RST_STREAM status 5: the stream is no longer wanted. */
export const statusCancel = 5;
/** RST_STREAM status 3: refused before any work was done on it. */
export const statusRefused = 3;
/** Length of a frame's header, of both kinds. */
export const frameHeaderLength = 8;

const version = 0x8003;

function control(type: number, flags: number, payloadLength: number): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderLength + payloadLength);
  frame.writeUInt16BE(version, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(((flags << 24) | payloadLength) >>> 0, 4);
  return frame;
}

/** The header of a data frame; its `length` bytes follow. */
export function dataHeader(streamId: number, length: number, fin: boolean): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderLength);
  writeDataHeader(header, 0, streamId, length, fin);
  return header;
}

/** As `dataHeader`, into a buffer. */
export function writeDataHeader(to: Buffer, at: number, streamId: number, length: number, fin: boolean): void {
  to.writeUInt32BE(streamId, at);
  to.writeUInt32BE((((fin ? flagFin : 0) << 24) | length) >>> 0, at + 4);
}

export function rstStream(streamId: number, status: number): Buffer {
  const frame = control(controlType.rstStream, 0, 8);
  frame.writeUInt32BE(streamId, 8);
  frame.writeUInt32BE(status, 12);
  return frame;
}

export function ping(id: number): Buffer {
  const frame = control(controlType.ping, 0, 4);
  frame.writeUInt32BE(id, 8);
  return frame;
}

export function goAway(lastStreamId: number, status = 0): Buffer {
  const frame = control(controlType.goAway, 0, 8);
  frame.writeUInt32BE(lastStreamId, 8);
  frame.writeUInt32BE(status, 12);
  return frame;
}

/**
 * Opens streams on one connection. It keeps the state of the connection's one zlib stream: header blocks are sent as
 * *stored* deflate blocks (RFC 1951, 3.2.4), each followed by an empty one, which is the flush that the reader waits for.
 * Frames must be written in the order in which they were made.
 */
export class StreamOpener {
  #started = false;
  #requestId = 0;

  /** The frames that open a forwarded connection: an error stream on which we say nothing, and a data stream. */
  forward({ errorId, dataId }: { readonly errorId: number; readonly dataId: number }, port: number): Buffer {
    const headers = { port: String(port), requestid: String(this.#requestId++) };
    return Buffer.concat([
      this.synStream(errorId, { streamtype: "error", ...headers }),
      dataHeader(errorId, 0, true),
      this.synStream(dataId, { streamtype: "data", ...headers }),
    ]);
  }

  synStream(streamId: number, headers: Readonly<Record<string, string>>): Buffer {
    const block = this.#compressed(headerBlock(headers));
    const frame = control(controlType.synStream, 0, 10 + block.length);
    frame.writeUInt32BE(streamId, 8);
    frame.writeUInt32BE(0, 12); // associated with no stream
    frame.writeUInt16BE(0, 16); // priority 0, slot 0
    block.copy(frame, 18);
    return frame;
  }

  #compressed(block: Buffer): Buffer {
    const stored = Buffer.allocUnsafe(5);
    stored.writeUInt8(0, 0);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(~block.length & 0xff_ff, 3);
    const parts = [stored, block, Buffer.from([0, 0, 0, 0xff, 0xff])];
    if (!this.#started) parts.unshift(Buffer.from([0x78, 0x01]));
    this.#started = true;
    return Buffer.concat(parts);
  }
}

/** Names are lower case; the block stays far below the 64 KiB of one stored block. */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const text of entries.flat()) {
    const bytes = Buffer.from(text, "latin1");
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
