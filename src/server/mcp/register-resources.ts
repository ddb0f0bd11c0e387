import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { Answer } from "#application/surface/tool-definition.ts";
import { failed, told } from "./boundary.ts";
import { matching } from "./completion.ts";
import type { Connection } from "./connection.ts";
import { resources, resourceTemplates } from "./registry.ts";

const mimeType = "application/json";

/** Codes that mean that there is nothing at the address. */
const absent: ReadonlySet<string> = new Set(["unknown_service", "unknown_environment", "target_not_found"]);

/** Registers every resource and template; reading goes through the same boundary as the tools. */
export function registerResources(server: McpServer, connection: Connection): void {
  const { session, useCases, log } = connection;

  async function read(uri: URL, request: ServerContext, answer: () => Promise<Answer>) {
    connection.noteClient(request);
    try {
      return { contents: [{ uri: uri.href, mimeType, text: JSON.stringify(told(await answer())) }] };
    } catch (thrown) {
      if (absent.has(toConnectivityError(thrown).code)) throw new ResourceNotFoundError(uri.href);
      const outcome = failed(thrown, `read ${uri.protocol}//${uri.host}`, log);
      throw new ProtocolError(ProtocolErrorCode.InternalError, outcome.answer.summary, outcome.answer["error"]);
    }
  }

  for (const resource of resources) {
    const { uri, name, title, description } = resource;
    server.registerResource(name, uri, { title, description, mimeType }, (url, request) =>
      read(url, request, () => resource.read(useCases, session)),
    );
  }

  for (const template of resourceTemplates) {
    const { name, title, description, uriTemplate } = template;
    const names = async (): Promise<readonly string[]> => template.names(useCases, session).catch(() => []);
    const list = async () => ({
      resources: (await names()).map((one) => ({
        uri: uriTemplate.replace("{name}", encodeURIComponent(one)),
        name: one,
        mimeType,
      })),
    });
    const complete = { name: async (value: string) => matching(value, await names()) };
    server.registerResource(
      name,
      new ResourceTemplate(uriTemplate, { list, complete }),
      { title, description, mimeType },
      (url, variables, request) =>
        read(url, request, () => template.read(useCases, session, decoded(String(variables["name"] ?? "")))),
    );
  }
}

/** The name as it was before it was made part of an address; as it stands when it was never encoded. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
