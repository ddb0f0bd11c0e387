/** What a provider can be known by. Text from outside: it is compared, never shown. */
export interface ProviderMarks {
  /** `gitVersion` of the API server. */
  readonly version: string;
  /** Host of the API server's address. */
  readonly host: string;
  /** API groups that it serves. */
  readonly groups: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly labels: readonly string[];
    /** `spec.providerID`: `aws:///eu-west-1a/i-0abc`. */
    readonly providerId: string;
  }[];
}

export type Provider =
  | "EKS"
  | "GKE"
  | "AKS"
  | "OpenShift"
  | "k3s"
  | "k3d"
  | "RKE2"
  | "kind"
  | "minikube"
  | "MicroK8s"
  | "Docker Desktop";

interface Mark {
  readonly provider: Provider;
  /** In our words: what it is known by. */
  readonly by: string;
  readonly fits: (marks: ProviderMarks) => boolean;
}

const version = (provider: Provider, pattern: RegExp): Mark => ({
  provider,
  by: "version of the API server",
  fits: (marks) => pattern.test(marks.version),
});
const host = (provider: Provider, pattern: RegExp): Mark => ({
  provider,
  by: "address of the API server",
  fits: (marks) => pattern.test(marks.host),
});
const group = (provider: Provider, name: string): Mark => ({
  provider,
  by: `API group ${name}`,
  fits: (marks) => marks.groups.includes(name),
});
const label = (provider: Provider, prefix: string): Mark => ({
  provider,
  by: `label ${prefix} of a node`,
  fits: ({ nodes }) => nodes.some(({ labels }) => labels.some((key) => key === prefix || key.startsWith(`${prefix}/`))),
});
const providerId = (provider: Provider, scheme: string): Mark => ({
  provider,
  by: "provider id of a node",
  fits: ({ nodes }) => nodes.some((node) => node.providerId.startsWith(`${scheme}://`)),
});
const nodeName = (provider: Provider, pattern: RegExp): Mark => ({
  provider,
  by: "name of a node",
  fits: ({ nodes }) => nodes.some(({ name }) => pattern.test(name)),
});

/** The surest first: OpenShift runs on every cloud, k3d is a k3s, and a cloud's machine may run anything. */
const marks: readonly Mark[] = [
  group("OpenShift", "config.openshift.io"),
  label("OpenShift", "node.openshift.io"),
  version("EKS", /-eks-/),
  host("EKS", /\.eks\.amazonaws\.com$/),
  label("EKS", "eks.amazonaws.com"),
  version("GKE", /-gke\./),
  label("GKE", "cloud.google.com"),
  host("AKS", /\.azmk8s\.io$/),
  label("AKS", "kubernetes.azure.com"),
  nodeName("k3d", /^k3d-/),
  version("k3s", /\+k3s/),
  providerId("k3s", "k3s"),
  version("RKE2", /\+rke2/),
  providerId("kind", "kind"),
  label("minikube", "minikube.k8s.io"),
  label("MicroK8s", "microk8s.io"),
  nodeName("Docker Desktop", /^docker-desktop$/),
];

/** Who made a cluster, by the marks that each leaves; `undefined`: none that is known. */
export function providerOf(seen: ProviderMarks): { readonly provider: Provider; readonly by: string } | undefined {
  const mark = marks.find(({ fits }) => fits(seen));
  return mark && { provider: mark.provider, by: mark.by };
}
