import { compose } from "../../composition.ts";
import { serveMcp } from "../mcp/serve-mcp.ts";
import type { Compose } from "./compose.ts";

/** The real application, and MCP over it. */
export const composePortwright: Compose = ({ store, log, version }) => {
  const application = compose(store);
  return Promise.resolve({
    application,
    serveMcp: (input, output, session) =>
      serveMcp(input, output, session, application.useCases, log.child({ component: "mcp" }), version),
  });
};
