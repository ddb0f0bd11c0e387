import type { ClientSession } from "../client.ts";
import type { Answer } from "./tool-definition.ts";

interface ResourceWords {
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** One resource at a fixed address; reading it changes nothing. */
export interface ResourceDefinition<U = never> extends ResourceWords {
  readonly uri: string;
  read(useCases: U, client: ClientSession): Promise<Answer>;
}

/** A family of resources, told apart by one name in the address. */
export interface ResourceTemplateDefinition<U = never> extends ResourceWords {
  /** With `{name}` as its last part (RFC 6570). */
  readonly uriTemplate: string;
  /** The names there are now, for listing and completion. */
  names(useCases: U, client: ClientSession): Promise<readonly string[]>;
  /** @throws ConnectivityError `unknown_service` when there is no such name. */
  read(useCases: U, client: ClientSession, name: string): Promise<Answer>;
}
