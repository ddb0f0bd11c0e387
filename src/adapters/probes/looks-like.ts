const first = (bytes: Buffer, length: number): string => bytes.toString("latin1", 0, length);

/** By the first bytes that a server of each says. */
const signs: readonly (readonly [name: string, matches: (bytes: Buffer) => boolean])[] = [
  ["http", (bytes) => first(bytes, 5) === "HTTP/"],
  ["ssh", (bytes) => first(bytes, 4) === "SSH-"],
  // A record of TLS: handshake or alert, version 3.x (RFC 8446, 5.1).
  ["tls", (bytes) => (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3],
  // A greeting (protocol 10) or a refusal (error packet) as the first packet, number 0.
  ["mysql", (bytes) => bytes.length > 4 && bytes[2] === 0 && bytes[3] === 0 && (bytes[4] === 10 || bytes[4] === 255)],
  ["smtp or ftp", (bytes) => /^220[ -]/.test(first(bytes, 4))],
  ["amqp", (bytes) => first(bytes, 4) === "AMQP"],
  // An error or an authentication request, with a small length.
  ["postgres", (bytes) => /^[ER]\0\0/.test(first(bytes, 3))],
  ["redis", (bytes) => /^(?:\+PONG|-(?:ERR|NOAUTH|DENIED|LOADING|WRONGPASS)\b)/.test(first(bytes, 10))],
];

/** What a server seems to speak, by its first bytes: a word of ours, or `undefined`. */
export const looksLike = (bytes: Buffer): string | undefined => signs.find(([, matches]) => matches(bytes))?.[0];
