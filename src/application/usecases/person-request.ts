/** What a person at a terminal says. None of it is a tool: an AI client cannot say it. */
export type PersonRequest =
  /** A first configuration for the folder, whatever workspace was used last. */
  | { readonly ask: "propose" }
  | { readonly ask: "plan"; readonly plan: string }
  | { readonly ask: "approve"; readonly plan: string; readonly digest: string }
  | { readonly ask: "trust_keys" }
  | { readonly ask: "trust"; readonly digest: string }
  | { readonly ask: "distrust" }
  /** A login at an SSH server, whose prompts are answered in the same conversation. */
  | { readonly ask: "ssh_login"; readonly host: string };
