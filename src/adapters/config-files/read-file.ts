import { open, stat } from "node:fs/promises";
import { notFound, refused } from "./file-refused.ts";

/** No configuration is larger; reading one that is would only cost time. */
const largestBytes = 1_000_000;

/**
 * The text of a configuration file, without a byte order mark.
 * @throws ConnectivityError `config_not_found`; `config_invalid` when it is no readable regular file, too large, or not text
 */
export async function readConfigText(path: string): Promise<string> {
  const bytes = await readBounded(path);
  if (bytes.length > largestBytes) {
    throw refused(path, `is larger than ${largestBytes / 1e6} MB; name a configuration file, or split this one`);
  }
  if (bytes.includes(0)) throw refused(path, "is not text (it holds zero bytes); name a YAML file in UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refused(path, "is not text in UTF-8; save it in that encoding", cause);
  }
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    // Before it is opened: opening a pipe waits for a writer.
    const found = await stat(path);
    if (found.isDirectory()) throw refused(path, "is a folder; name the file in it");
    if (!found.isFile()) throw refused(path, "is not a regular file; name one");
    await using file = await open(path, "r");
    const buffer = Buffer.alloc(largestBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } catch (thrown) {
    throw readFailure(path, thrown);
  }
}

function readFailure(path: string, thrown: unknown): unknown {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ERR_INVALID_ARG_VALUE":
      return notFound(path, `there is no configuration file ${path}`, thrown);
    case "EACCES":
    case "EPERM":
      return refused(path, "may not be read by this user; change its permissions", thrown);
    case "ELOOP":
      return refused(path, "is a symbolic link that leads back to itself; name a file", thrown);
    case "EISDIR":
      return refused(path, "is a folder; name the file in it", thrown);
    case "config_invalid":
      return thrown;
    default:
      return refused(path, "could not be read; name another file, or look after the disk that it is on", thrown);
  }
}
