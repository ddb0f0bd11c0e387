/** What logs a person in again, and what replaces a login that Kubernetes no longer knows. Pure; words of ours only. */

/** Clouds by the plugin that their kubeconfig runs, with the command that renews what the plugin builds upon. */
const logins: readonly (readonly [RegExp, (word: (name: string) => string | undefined) => string])[] = [
  [/^aws(-iam-authenticator)?$/, (word) => withProfile("aws sso login", word("--profile") ?? word("AWS_PROFILE"))],
  [/^gke-gcloud-auth-plugin$|^gcloud$/, () => "gcloud auth login"],
  [/^kubelogin$|^az$/, () => "az login"],
  [/^tsh$/, () => "tsh login"],
  [/^doctl$/, () => "doctl auth init"],
  [/^oci$/, () => "oci session authenticate"],
  [/^oc$/, () => "oc login"],
  [/^vault$/, () => "vault login"],
];

/**
 * The command that renews the login behind a credential plugin, where it is known.
 * @param command the plugin as the kubeconfig names it, with or without its folder
 * @param args its arguments
 * @param env its own variables
 */
export function loginCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): string | undefined {
  const program = command.split("/").at(-1) ?? command;
  const word = (name: string): string | undefined => {
    if (!name.startsWith("-")) return env[name];
    const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
    return at < 0 ? undefined : args[at] === name ? args[at + 1] : args[at]?.slice(name.length + 1);
  };
  return logins.find(([names]) => names.test(program))?.[1](word);
}

/** A profile is a person's own word: only a plain one becomes part of a command. */
const withProfile = (login: string, profile: string | undefined): string =>
  profile !== undefined && /^[\w.@-]{1,64}$/.test(profile) ? `${login} --profile ${profile}` : login;

const replacements: Readonly<Record<string, string>> = {
  gcp: "install gke-gcloud-auth-plugin, then run: gcloud container clusters get-credentials CLUSTER",
  azure: "install kubelogin, then run: kubelogin convert-kubeconfig",
  oidc: "install the kubectl oidc-login plugin and set it up as exec for this user",
};

/** What takes the place of an `auth-provider` (removed in Kubernetes 1.26). */
export const authProviderAdvice = (provider: string): string =>
  replacements[provider] ??
  "run the cloud's own command that writes the kubeconfig again; it now writes an exec plugin";
