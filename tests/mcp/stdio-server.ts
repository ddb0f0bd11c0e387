/** A whole server on stdio with quiet answers, for the clients that start one. */
import { serveMcp } from "../../src/server/mcp/serve-mcp.ts";
import { testLog, testSession, testUseCases } from "./served.ts";

const { closed } = serveMcp(process.stdin, process.stdout, testSession(), testUseCases(), testLog(), "1.2.3");
await closed;
process.stderr.write("closed\n");
