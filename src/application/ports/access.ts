/**
 * What a dial may use of the person: the environment of the newest client, the home folder, references to secrets.
 * Looked at when a connection is dialled, never kept.
 */
export interface Access {
  /** A variable of the newest client's environment that has it. */
  env(name: string): string | undefined;
  /** All of that environment, for a credential plugin. */
  environment(): Readonly<Record<string, string>>;
  /** Absolute; `~` of paths in the configuration. */
  readonly homeDir: string;
  /** Folder of the configuration file: relative paths start here. */
  readonly workspaceDir: string;
  /** Whether a person trusts the workspace: only then its programs run. Absent: no. */
  readonly trusted?: boolean;
  /**
   * A credential template (`${env:NAME}`, `${env:NAME:default}`, `${file:PATH}`, `${command:…}`, or plain text) as its value.
   * @throws ConnectivityError `variable_missing`, `workspace_untrusted`
   */
  resolve(template: string, signal?: AbortSignal): Promise<string>;
}
