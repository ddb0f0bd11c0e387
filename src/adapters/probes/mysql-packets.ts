import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";

/** Longer packets do not come in this exchange. */
const longestPacket = 64 * 1024;

/** Capabilities (https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html). */
export const capability = {
  connectWithDb: 1 << 3,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  pluginAuth: 1 << 19,
} as const;

const errorCodes: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  1040: ["too_many_connections", "MySQL has no free connection"],
  1044: ["application_auth_failed", "MySQL does not let this user into the database"],
  1045: ["application_auth_failed", "MySQL refused the user or the password"],
  1049: ["database_missing", "MySQL has no such database"],
  1129: ["application_unhealthy", "MySQL has blocked this host after too many broken connections"],
  1130: ["application_auth_failed", "MySQL lets nobody in from this host"],
  1203: ["too_many_connections", "this MySQL user has no free connection"],
  1226: ["too_many_connections", "this MySQL user has used its resources up"],
  1251: ["application_auth_failed", "MySQL wants an authentication that the check does not know"],
  1698: ["application_auth_failed", "MySQL lets this user in by another way than a password"],
};

/** What an error packet means. */
export function mysqlError(packet: Buffer): ConnectivityError {
  const number = packet.length >= 3 ? packet.readUInt16LE(1) : 0;
  const said = packet.subarray(packet[3] === 0x23 ? 9 : 3);
  const [code, message] = errorCodes[number] ?? ["application_unhealthy", "MySQL answered with an error"];
  return failure(code, message, { mysql_error: number }, said);
}

/** Reads and writes packets, each with its number in the exchange. */
export class MysqlPackets {
  readonly #conversation: Conversation;
  #next = 0;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  async read(): Promise<Buffer> {
    const head = await this.#conversation.read(4);
    const length = head.readUIntLE(0, 3);
    if (length === 0 || length > longestPacket || head[3] !== this.#next)
      throw notThisProtocol("mysql", Buffer.concat([head, this.#conversation.held]));
    this.#next = (this.#next + 1) & 0xff;
    return this.#conversation.read(length);
  }

  /** The same; an error packet is thrown as what it means. */
  async readOrThrow(): Promise<Buffer> {
    const packet = await this.read();
    if (packet[0] === 0xff) throw mysqlError(packet);
    return packet;
  }

  write(packet: Buffer): void {
    const head = Buffer.alloc(4);
    head.writeUIntLE(packet.length, 0, 3);
    head[3] = this.#next;
    this.#next = (this.#next + 1) & 0xff;
    this.#conversation.send(Buffer.concat([head, packet]));
  }

  /** A new command: the numbers begin anew. */
  command(packet: Buffer): void {
    this.#next = 0;
    this.write(packet);
  }
}

export interface Greeting {
  readonly capabilities: number;
  /** Twenty random bytes, for the answer. */
  readonly nonce: Buffer;
  readonly plugin: string;
}

/** A greeting of protocol 10 (`HandshakeV10`); `undefined`: it is none. */
export function parseGreeting(packet: Buffer): Greeting | undefined {
  const version = packet.indexOf(0, 1);
  if (packet[0] !== 10 || version < 0) return undefined;
  const at = version + 5;
  if (packet.length < at + 31) return undefined;
  const capabilities = packet.readUInt16LE(at + 9) + packet.readUInt16LE(at + 14) * 0x10000;
  const length = Math.max(13, (packet[at + 16] ?? 0) - 8);
  const second = packet.subarray(at + 27, at + 27 + length);
  const nonce = Buffer.concat([packet.subarray(at, at + 8), second]).subarray(0, 20);
  const rest = packet.subarray(at + 27 + length);
  const end = rest.indexOf(0);
  const plugin = rest.toString("latin1", 0, end < 0 ? rest.length : end);
  if (nonce.length < 20) return undefined;
  return { capabilities, nonce, plugin: plugin === "" ? "mysql_native_password" : plugin };
}
