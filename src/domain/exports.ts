/** One variable for programs. A value that holds a credential is not shown: `secret` says where it comes from. */
export interface ExportedVariable {
  readonly name: string;
  readonly service: string;
  readonly value?: string;
  readonly secret?: { readonly from: string; readonly given_by: "portwright run" };
}

const endpointReference = /\$\{(host|port|socket)\}/g;
const otherReference = /\$\{(?:env|file|command):/;

/** The local end: of a Unix socket the path is the host too, and there is no port (0). */
interface LocalEnd {
  readonly host: string;
  readonly port: number;
}

/** A template with the local end filled in; every other reference is left alone. */
function fillEndpoint(template: string, { host, port }: LocalEnd): string {
  const values = { host, port: String(port), socket: port === 0 ? host : "" };
  return template.replaceAll(endpointReference, (_, key: keyof typeof values) => values[key]);
}

/** The variables of a service, in the order of their declaration. */
export function exportedVariables(
  service: { readonly name: string; readonly exports: Readonly<Record<string, string>> },
  endpoint: LocalEnd,
): ExportedVariable[] {
  return Object.entries(service.exports).map(([name, template]) => {
    const value = fillEndpoint(template, endpoint);
    if (otherReference.test(value))
      return { name, service: service.name, secret: { from: value, given_by: "portwright run" } };
    return { name, service: service.name, value };
  });
}
