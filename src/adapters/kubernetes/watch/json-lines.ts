import type { Readable } from "node:stream";

/** An object of Kubernetes is at most about 1.5 MiB (etcd's limit); as JSON in an event it stays far below this. */
const maxLine = 8 * 1024 * 1024;

/**
 * The lines of a stream, each parsed as JSON. Ends with the stream; a line that is cut off by its end is dropped.
 * @returns `false` when a line is too long or no JSON, so that the stream cannot be followed further
 */
export async function readJsonLines(stream: Readable, take: (value: unknown) => void): Promise<boolean> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      start = end + 1;
      const line = Buffer.concat(parts).toString("utf8");
      parts = [];
      size = 0;
      if (line.trim() === "") continue;
      try {
        take(JSON.parse(line));
      } catch {
        return false;
      }
    }
    parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > maxLine) return false;
  }
  return true;
}
