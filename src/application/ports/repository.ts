/** A variable of an example file, as it stands there. Text from outside. */
export interface ExampleVariable {
  readonly name: string;
  readonly value: string;
  /** `.env.example` */
  readonly file: string;
}

/** What a repository says about what its programs connect to. Reads example files only, never a `.env` with secrets. */
export interface Repository {
  /** The variables of the example files of a folder, and the files that were there. Bounded; never throws. */
  exampleVariables(
    folder: string,
  ): Promise<{ readonly files: readonly string[]; readonly variables: readonly ExampleVariable[] }>;
}
