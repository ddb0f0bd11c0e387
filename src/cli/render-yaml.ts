import { stringify } from "yaml";

/** A file of its own, so that the YAML library is loaded only where YAML was asked for. */
export const toYaml = (answer: object): string => stringify(answer, { lineWidth: 0 });
