import * as z from "zod";
import { answerShape, records } from "#application/surface/answer-shape.ts";
import { text } from "#application/surface/argument-shapes.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";

const input = z.strictObject({
  query: text.optional().describe("A part of a host's name"),
  limit: z.int().min(1).max(200).optional(),
});

/** Tool set `ssh`: the hosts of `~/.ssh/config` and `known_hosts`, and those that services name. */
export const listSshHosts: ToolDefinition<typeof input, Pick<UseCases, "listSshHosts">> = {
  name: "list_ssh_hosts",
  title: "SSH hosts",
  description:
    "SSH hosts of ~/.ssh/config, known_hosts and the services, with address, user, port, hops, key files, whether the host key is known, which services use them, and its LocalForward and RemoteForward lines as changes for configure_service (importable). Connects to none. Trusting a key is the person's: portwright ssh trust HOST.",
  input,
  output: answerShape({ hosts: records.optional(), total: z.int().optional() }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: (useCases, args, context) => useCases.listSshHosts(args, context),
};
