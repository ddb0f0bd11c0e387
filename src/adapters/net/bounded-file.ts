import { constants } from "node:fs";
import { open } from "node:fs/promises";

const pieceBytes = 64 * 1024;

/**
 * What a file holds, at most one byte more than `limitBytes`: whoever gets that many has a file that is too large. A pipe
 * that nobody writes to is empty and holds nothing up, a device without an end is cut off.
 * @throws the file system's own error
 */
export async function readBounded(file: string, limitBytes: number): Promise<Buffer> {
  const opened = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const pieces: Buffer[] = [];
    let left = limitBytes + 1;
    while (left > 0) {
      const length = Math.min(left, pieceBytes);
      const { bytesRead, buffer } = await opened.read(Buffer.allocUnsafe(length), 0, length, null);
      if (bytesRead === 0) break;
      pieces.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return Buffer.concat(pieces);
  } finally {
    await opened.close();
  }
}
