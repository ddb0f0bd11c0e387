/** Keys from the top down; numbers are places in a list. */
type EditPath = readonly (string | number)[];

type List = "services" | "environments";

/** One change of a configuration. `path` starts in the service or environment, without `list` at the top of the file. */
export type ConfigEdit =
  | {
      readonly op: "set";
      readonly list?: List;
      readonly name?: string;
      readonly path: EditPath;
      readonly value: unknown;
    }
  | { readonly op: "unset"; readonly list?: List; readonly name?: string; readonly path: EditPath }
  | {
      readonly op: "add";
      readonly list: List;
      readonly value: { readonly name: string; readonly [key: string]: unknown };
    }
  | { readonly op: "remove"; readonly list: List; readonly name: string };
