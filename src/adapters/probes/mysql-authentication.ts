import { constants, createHash, publicEncrypt } from "node:crypto";
import { failure, notThisProtocol } from "./failures.ts";
import type { MysqlPackets } from "./mysql-packets.ts";

const hash = (algorithm: "sha1" | "sha256", ...parts: Buffer[]): Buffer => {
  const made = createHash(algorithm);
  for (const part of parts) made.update(part);
  return made.digest();
};
const xor = (left: Buffer, right: Buffer): Buffer =>
  Buffer.from(left.map((byte, index) => byte ^ (right[index % right.length] ?? 0)));

/**
 * The first answer to a plugin's nonce: `mysql_native_password`, `caching_sha2_password` (MySQL documentation,
 * "Authentication Methods"), `mysql_clear_password` over TLS only. `undefined`: another plugin, which the check does not know.
 */
export function scramble(plugin: string, password: string, nonce: Buffer, encrypted: boolean): Buffer | undefined {
  const bytes = Buffer.from(password);
  switch (plugin) {
    case "mysql_native_password": {
      if (bytes.length === 0) return bytes;
      const once = hash("sha1", bytes);
      return xor(once, hash("sha1", nonce, hash("sha1", once)));
    }
    case "caching_sha2_password": {
      if (bytes.length === 0) return bytes;
      const once = hash("sha256", bytes);
      return xor(once, hash("sha256", hash("sha256", once), nonce));
    }
    case "mysql_clear_password":
      return encrypted ? Buffer.concat([bytes, Buffer.alloc(1)]) : undefined;
    default:
      return undefined;
  }
}

export const unknownPlugin = (plugin: string): Error =>
  failure("application_auth_failed", "MySQL wants an authentication that the check does not know", {
    plugin: plugin.replaceAll(/[^\w-]/g, "").slice(0, 40),
  });

interface Login {
  readonly password: string;
  readonly nonce: Buffer;
  readonly plugin: string;
  readonly encrypted: boolean;
}

const switchRequest = 0xfe;
const moreData = 0x01;
const fastSuccess = 3;
const wantsFull = 4;
const asksForKey = Buffer.from([2]);

/** Answers until the server lets us in: an OK packet. @throws ConnectivityError what its refusal means */
export async function finishLogin(packets: MysqlPackets, login: Login): Promise<void> {
  let { plugin, nonce } = login;
  for (let round = 0; round < 8; round++) {
    const packet = await packets.readOrThrow();
    if (packet[0] === 0) return;
    if (packet[0] === switchRequest) {
      const end = packet.indexOf(0, 1);
      plugin = packet.toString("latin1", 1, end < 0 ? packet.length : end);
      nonce = end < 0 ? nonce : packet.subarray(end + 1, end + 21);
      const answer = scramble(plugin, login.password, nonce, login.encrypted);
      if (!answer) throw unknownPlugin(plugin);
      // An empty packet is an empty password.
      packets.write(answer);
      continue;
    }
    if (packet[0] !== moreData || plugin !== "caching_sha2_password") throw notThisProtocol("mysql", packet);
    if (packet[1] === fastSuccess) continue;
    if (packet[1] !== wantsFull) throw notThisProtocol("mysql", packet);
    const secret = Buffer.from(`${login.password}\0`);
    if (login.encrypted) packets.write(secret);
    else {
      packets.write(asksForKey);
      packets.write(sealed(xor(secret, nonce), (await packets.readOrThrow()).subarray(1)));
    }
  }
  throw notThisProtocol("mysql", Buffer.alloc(0));
}

/** Without TLS the password goes under the server's own key (RSA-OAEP). */
function sealed(secret: Buffer, key: Buffer): Buffer {
  try {
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, secret);
  } catch {
    throw notThisProtocol("mysql", key);
  }
}
