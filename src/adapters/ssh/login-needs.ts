import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import type { LoginNeeds } from "#domain/ssh/driver-choice.ts";
import { listAgentIdentities } from "./agent-identities.ts";
import { readCertificate } from "./keys/certificate.ts";
import { knownOnlyByAuthority } from "./host-key.ts";
import type { SshSettings } from "./settings.ts";

/** What this login needs, by the files and the agent as they are now. Reads nothing when the driver is asked for. */
export async function loginNeeds(settings: SshSettings, access: Access, route: Route | undefined): Promise<LoginNeeds> {
  const { resolved, driver: wanted } = settings;
  const nothing: LoginNeeds = {
    wanted,
    gssapi: resolved.gssapiAuthentication && (await hasTicket(access)),
    pkcs11: resolved.pkcs11Provider,
    certificate: false,
    hardwareKey: false,
    agentHoldsCertificate: false,
    agentHoldsHardwareKey: false,
    onlyByAuthority: false,
    revocationList: resolved.revokedHostKeysFile !== undefined,
    proxy: route ? undefined : proxyOf(settings),
  };
  if (wanted !== "auto") return nothing;
  const { keyFiles, agentSocket } = settings;
  const certificates = [...resolved.certificateFiles, ...keyFiles.map((file) => `${file}-cert.pub`)];
  const [found, hardware, agent, onlyByAuthority] = await Promise.all([
    Promise.all(certificates.map(readCertificate)),
    Promise.all(keyFiles.map(isHardwareKey)),
    agentSocket === undefined ? undefined : listAgentIdentities(agentSocket),
    knownOnlyByAuthority(settings),
  ]);
  // What else there is would do without them: only a login that has nothing but them needs OpenSSH.
  const held = agent ?? [];
  const plain = held.filter(({ type }) => !isCertificate(type) && !isHardware(type));
  return {
    ...nothing,
    certificate: found.some((certificate) => certificate?.kind === "user"),
    hardwareKey: hardware.includes(true),
    agentHoldsCertificate: held.some(({ type }) => isCertificate(type)),
    agentHoldsHardwareKey: plain.length === 0 && held.some(({ type }) => isHardware(type)),
    onlyByAuthority,
  };
}

/** Distributions turn GSSAPI on for everybody; it means something to those who have a Kerberos ticket. */
async function hasTicket(access: Access): Promise<boolean> {
  if (access.env("KRB5CCNAME")) return true;
  const cache = await stat(`/tmp/krb5cc_${process.getuid?.() ?? 0}`).catch(() => undefined);
  return cache !== undefined;
}

const isCertificate = (type: string): boolean => type.endsWith("-cert-v01@openssh.com");
const isHardware = (type: string): boolean => type.startsWith("sk-");

function proxyOf({ resolved }: SshSettings): LoginNeeds["proxy"] {
  if (resolved.proxyJump) return "proxy_jump";
  return resolved.proxyCommand === undefined ? undefined : "proxy_command";
}

/** By the public half beside it, or the type in the unencrypted head of the private one. */
async function isHardwareKey(file: string): Promise<boolean> {
  const [pub, key] = await Promise.all([head(`${file}.pub`), head(file)]);
  if (/^sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com /.test(pub)) return key !== "";
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)/.exec(key)?.[1];
  return base64 !== undefined && Buffer.from(base64, "base64").includes("sk-");
}

/** The first bytes of a file, which hold the public half of a key. */
async function head(file: string): Promise<string> {
  const opened = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (!opened) return "";
  try {
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch {
    return "";
  } finally {
    await opened.close();
  }
}
