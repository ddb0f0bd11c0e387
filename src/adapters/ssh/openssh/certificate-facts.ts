import type { Expiry } from "#application/ports/expiry.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import { readCertificate } from "../keys/certificate.ts";
import type { SshSettings } from "../settings.ts";

/** Where certificates for this login may lie: those that are named, and one beside each key. */
const certificateFiles = ({ resolved, keyFiles }: SshSettings): readonly string[] => [
  ...new Set([...resolved.certificateFiles, ...keyFiles.map((file) => `${file}-cert.pub`)]),
];

/**
 * What a refused login should know about the certificates: one that is out of its time or names other users, unless
 * another one holds. The server may map names (`AuthorizedPrincipalsFile`), so others are a hint only.
 */
export async function certificateFacts(settings: SshSettings): Promise<Facts> {
  const now = Date.now();
  let unfit: Facts = {};
  for (const file of certificateFiles(settings)) {
    const certificate = await readCertificate(file);
    if (!certificate) continue;
    const { validAfterMs = 0, validBeforeMs, principals } = certificate;
    if (validBeforeMs !== undefined && validBeforeMs <= now) {
      unfit = { certificate_expired: file, valid_until: new Date(validBeforeMs).toISOString() };
    } else if (validAfterMs > now) {
      unfit = { certificate_not_yet_valid: file, valid_from: new Date(validAfterMs).toISOString() };
    } else if (principals.length > 0 && !principals.includes(settings.user)) {
      unfit = { certificate_for_others: file };
    } else return {};
  }
  return unfit;
}

/** When the certificates for this login end, those that hold. */
export async function certificateExpiries(settings: SshSettings): Promise<readonly Expiry[]> {
  const found: Expiry[] = [];
  for (const file of certificateFiles(settings)) {
    const certificate = await readCertificate(file);
    if (certificate?.kind !== "user" || certificate.validBeforeMs === undefined) continue;
    if (certificate.validBeforeMs > Date.now())
      found.push({ what: `SSH certificate ${file}`, atMs: certificate.validBeforeMs });
  }
  return found;
}
