import * as z from "zod";

/** Longest text a tool takes in one argument; names are shorter. Bounds what a caller can make us compare, store or echo. */
const longestText = 1000;
const longestName = 200;
const mostNames = 200;

const name = z.string().min(1).max(longestName);

/** One service by name. */
export const serviceName = name.describe("Name as declared; case and - _ space do not matter");
/** Several services by name. */
export const serviceNames = z.array(name).max(mostNames).describe("Names of services");
/** A name, where the key says of what. */
export const plainName = name;
/** One environment by name. */
export const environmentName = name.describe("Default: the workspace's default environment");
/** Several names with a description of their own. */
export const names = (description: string) => z.array(name).max(mostNames).describe(description);
/** A moment as people write it; the use case reads it in the client's time zone. */
export const moment = z
  .string()
  .min(1)
  .max(100)
  .describe("ISO time, clock time ('10:02', yours), age ('1h') or 'last_ready'");
/** Free text, bounded. */
export const text = z.string().min(1).max(longestText);
/** A handle that an earlier answer gave. */
export const handle = z.string().min(1).max(longestName);
