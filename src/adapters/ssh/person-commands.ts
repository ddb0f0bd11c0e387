import type { SshSettings } from "./settings.ts";

/** What a person runs to see a server's key and trust it. */
export function trustCommand(settings: SshSettings): string {
  const { knownHostsFiles, resolved } = settings;
  const [file = ""] = knownHostsFiles;
  const elsewhere = knownHostsFiles.length === 1 && !resolved.userKnownHostsFiles.includes(file);
  return `portwright ssh trust ${word(server(settings))}${elsewhere ? ` --known-hosts ${word(file)}` : ""}`;
}

/** What a person runs to log in at a server that asks for what has to be typed. */
export const loginCommand = (settings: SshSettings): string =>
  `portwright ssh login ${word(`${settings.userNamed ? `${settings.user}@` : ""}${server(settings)}`)}`;

function server({ name, port }: SshSettings): string {
  const host = name.includes(":") ? `[${name}]` : name;
  return `${host}${port === 22 ? "" : `:${port}`}`;
}

const word = (text: string): string =>
  /^[\w@%+=:,./[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
