import { createHash } from "node:crypto";
import os from "node:os";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Values of the tokens of ssh_config(5), TOKENS. */
export interface TokenContext {
  /** `%h` */
  readonly host: string;
  /** `%n`: as the person wrote it. */
  readonly originalHost: string;
  /** `%p` */
  readonly port: number;
  /** `%r` */
  readonly user: string;
  /** `%u` */
  readonly localUser: string;
  /** `%d` */
  readonly homeDir: string;
  /** `%k`, where it is set. */
  readonly hostKeyAlias: string | undefined;
  /** `%j` */
  readonly jump: string;
}

/** All that `IdentityFile`, `Match exec` and their like may use. */
export const allTokens = "CdhijkLlnpru";
/** For `ProxyCommand` and `ProxyJump`. */
export const proxyTokens = "hnpr";

/**
 * Replaces `%x` by its value.
 * @param allowed the letters that may be used; another one is an error, as for OpenSSH
 * @throws ConnectivityError `config_invalid`
 */
export function expandTokens(text: string, allowed: string, context: TokenContext): string {
  return text.replaceAll(/%([^]?)/g, (written, letter: string) => {
    if (letter === "%") return "%";
    if (letter === "" || !allowed.includes(letter)) {
      throw new ConnectivityError("config_invalid", `${written} is no token that this option of ~/.ssh/config takes`, {
        token: /^[A-Za-z%]*$/.test(letter) ? written : "other",
      });
    }
    return tokenValue(letter, context);
  });
}

function tokenValue(letter: string, context: TokenContext): string {
  switch (letter) {
    case "h":
      return context.host;
    case "n":
      return context.originalHost;
    case "p":
      return String(context.port);
    case "r":
      return context.user;
    case "u":
      return context.localUser;
    case "d":
      return context.homeDir;
    case "k":
      return context.hostKeyAlias ?? context.originalHost;
    case "j":
      return context.jump;
    case "i":
      return String(process.getuid?.() ?? 0);
    case "l":
      return os.hostname();
    case "L":
      return os.hostname().split(".")[0] ?? "";
    default:
      return createHash("sha1")
        .update(os.hostname() + context.host + String(context.port) + context.user + context.jump)
        .digest("hex");
  }
}

/**
 * Replaces `${NAME}` by the variable.
 * @throws ConnectivityError `variable_missing`
 */
export function expandVariables(text: string, env: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = env(name);
    if (value === undefined) {
      throw new ConnectivityError("variable_missing", "a variable that ~/.ssh/config uses is not set", {
        variable: /^\w{1,64}$/.test(name) ? name : "other",
      });
    }
    return value;
  });
}

/** `~` and `~/…` as the home folder. */
export const expandHome = (file: string, homeDir: string): string => file.replace(/^~(?=\/|$)/, homeDir);
