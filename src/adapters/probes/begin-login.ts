import type { Access } from "#application/ports/access.ts";
import type { ProbePath } from "#application/ports/probe.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import type { Conversation } from "./conversation.ts";
import type { Exchange } from "./run-exchange.ts";
import { startTls, wishOf } from "./start-tls.ts";

interface Context {
  readonly access: Access;
  readonly signal: AbortSignal;
}

interface LoginConfig {
  readonly password?: string | undefined;
  readonly tls: boolean;
  readonly server_name?: string | undefined;
  readonly verify_ssl?: boolean;
}

/** The declared password, resolved; `undefined` where none is declared. @throws ConnectivityError when it cannot be had */
export const passwordOf = async (
  { password }: Pick<LoginConfig, "password">,
  { access, signal }: Context,
): Promise<string | undefined> => (password === undefined ? undefined : await access.resolve(password, signal));

export interface Beginning {
  readonly password: string | undefined;
  readonly conversation: Conversation;
  /** Facts of the server's certificate, where TLS is asked for. */
  readonly certificate: Facts;
}

/** What a check with a login begins with: the password, then a connection, by TLS from its first byte where that is asked for. */
export async function beginLogin(
  config: LoginConfig,
  path: ProbePath,
  context: Context,
  { converse, phases }: Exchange,
): Promise<Beginning> {
  const password = await passwordOf(config, context);
  const conversation = await converse();
  const certificate = config.tls ? await startTls(conversation, wishOf(config, path, context)) : {};
  if (config.tls) phases.mark("tls");
  return { password, conversation, certificate };
}
