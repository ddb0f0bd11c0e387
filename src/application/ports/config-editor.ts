import type { ConfigEdit } from "#domain/plan/config-edit.ts";
import type { RawConfiguration } from "#domain/plan/raw-configuration.ts";
import type { ConfigReading, VariableLookup } from "./config-source.ts";

/** Texts of configuration files: looked at, changed, written and watched. */
export interface ConfigEditor {
  /** The file's text. @throws ConnectivityError `config_not_found`, `config_invalid` (unreadable, too large, binary) */
  readText(path: string): Promise<string>;
  /** What a text would mean in the place of the file. */
  interpret(path: string, text: string, lookup: VariableLookup): Promise<ConfigReading>;
  /** What a text says, references unresolved; what cannot be read is left out. */
  raw(path: string, text: string): Promise<RawConfiguration>;
  /**
   * The text with changes made, comments and order kept.
   * @throws ConnectivityError `config_invalid`, `unknown_service`, `unknown_environment`, `invalid_arguments`
   */
  edit(path: string, text: string, edits: readonly ConfigEdit[]): Promise<string>;
  /** One service or environment of a text as it stands there, credentials in plain text as `***`. */
  excerpt(path: string, text: string, list: "services" | "environments", name: string): Promise<string | undefined>;
  /** Tells texts apart; says nothing about what they hold. */
  digest(text: string): string;
  /**
   * Writes the file as a whole or not at all: a new file beside it, flushed, takes its place; its mode, and a link that
   * leads to it, stay.
   * @param expected digest of the text that is there, empty when there is no file
   * @throws ConnectivityError `plan_stale` when another text is there; `config_invalid` when it cannot be written
   */
  write(path: string, text: string, expected: string): Promise<void>;
  /** Removes a file that we made, if it still has this text. */
  remove(path: string, expected: string): Promise<void>;
  /** Calls back after the file may have changed, however that was done; bursts are joined. Keeps no process alive. */
  watch(path: string, onChange: () => void): Disposable;
}
