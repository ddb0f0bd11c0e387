/** What a SOCKS client asks for. */
export interface SocksRequest {
  readonly version: 4 | 5;
  /** A name is passed on as it is: the server resolves it. */
  readonly host: string;
  readonly port: number;
}

/** How far a client's first bytes go. */
export type SocksStep =
  | { readonly kind: "more" }
  /** SOCKS 5 method choice: to be answered, then the request follows. */
  | { readonly kind: "greeting"; readonly answer: Buffer; readonly taken: number }
  | { readonly kind: "request"; readonly request: SocksRequest; readonly taken: number }
  /** Nothing follows but the end; without an answer where the protocol has none. */
  | { readonly kind: "refused"; readonly answer: Buffer };

/** RFC 1928 §6. */
export const socks5Reply = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

const nothing = Buffer.alloc(0);
const more: SocksStep = { kind: "more" };
/** Longer names do not exist (RFC 1035 §2.3.4), and a SOCKS 4 user id needs no more either. */
const mostTextBytes = 255;

/** Reads SOCKS 5 (RFC 1928, no authentication), SOCKS 4 and 4a. @param greeted the SOCKS 5 greeting was answered */
export function readSocks(bytes: Buffer, greeted: boolean): SocksStep {
  if (bytes.length === 0) return more;
  if (bytes[0] === 5) return greeted ? readRequest5(bytes) : readGreeting(bytes);
  if (bytes[0] === 4 && !greeted) return readRequest4(bytes);
  return { kind: "refused", answer: nothing };
}

/** The answer to a request, with an address that says nothing: the real one is at the SSH server. */
export function socksAnswer(version: 4 | 5, reply: number): Buffer {
  // SOCKS 4: 90 granted, 91 rejected or failed.
  if (version === 4) return Buffer.from([0, reply === socks5Reply.succeeded ? 90 : 91, 0, 0, 0, 0, 0, 0]);
  return Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
}

function readGreeting(bytes: Buffer): SocksStep {
  const count = bytes[1] ?? 0;
  if (bytes.length < 2 || bytes.length < 2 + count) return more;
  const anonymous = bytes.subarray(2, 2 + count).includes(0);
  if (!anonymous) return { kind: "refused", answer: Buffer.from([5, 0xff]) };
  return { kind: "greeting", answer: Buffer.from([5, 0]), taken: 2 + count };
}

function readRequest5(bytes: Buffer): SocksStep {
  if (bytes.length < 5) return more;
  const refuse = (reply: number): SocksStep => ({ kind: "refused", answer: socksAnswer(5, reply) });
  // Only CONNECT; BIND and UDP have no counterpart in SSH.
  if (bytes[1] !== 1) return refuse(socks5Reply.commandNotSupported);
  const type = bytes[3];
  const length = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? (bytes[4] ?? 0) : undefined;
  if (length === undefined) return refuse(socks5Reply.addressTypeNotSupported);
  const start = type === 3 ? 5 : 4;
  if (bytes.length < start + length + 2) return more;
  const address = bytes.subarray(start, start + length);
  const host = type === 1 ? address.join(".") : type === 4 ? ipv6(address) : nameOf(address);
  if (host === undefined) return refuse(socks5Reply.generalFailure);
  const port = bytes.readUInt16BE(start + length);
  return { kind: "request", request: { version: 5, host, port }, taken: start + length + 2 };
}

function readRequest4(bytes: Buffer): SocksStep {
  if (bytes.length < 9) return more;
  const refused: SocksStep = { kind: "refused", answer: socksAnswer(4, socks5Reply.generalFailure) };
  if (bytes[1] !== 1) return refused;
  const userEnd = bytes.indexOf(0, 8);
  if (userEnd < 0) return bytes.length > 8 + mostTextBytes ? refused : more;
  const port = bytes.readUInt16BE(2);
  const address = bytes.subarray(4, 8);
  // 4a: an address 0.0.0.x with x ≠ 0 says that a name follows the user id.
  const named = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
  if (!named) return { kind: "request", request: { version: 4, host: address.join("."), port }, taken: userEnd + 1 };
  const nameEnd = bytes.indexOf(0, userEnd + 1);
  if (nameEnd < 0) return bytes.length > userEnd + 1 + mostTextBytes ? refused : more;
  const host = nameOf(bytes.subarray(userEnd + 1, nameEnd));
  return host === undefined ? refused : { kind: "request", request: { version: 4, host, port }, taken: nameEnd + 1 };
}

/** Printable ASCII without blanks: all that a host name can be. */
const nameOf = (bytes: Buffer): string | undefined => {
  const name = bytes.toString("latin1");
  return /^[\x21-\x7e]{1,255}$/.test(name) ? name : undefined;
};

const ipv6 = (address: Buffer): string =>
  Array.from({ length: 8 }, (_, group) => address.readUInt16BE(group * 2).toString(16)).join(":");
