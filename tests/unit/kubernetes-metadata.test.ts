import { assert, double, integer, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { providerOf, type ProviderMarks } from "#domain/kubernetes/provider.ts";
import { bytesText, coresText, parseQuantity } from "#domain/kubernetes/quantity.ts";
import { ownWords } from "#adapters/kubernetes/metadata/own-words.ts";

const node = (more: Partial<ProviderMarks["nodes"][number]> = {}) => ({
  name: "n",
  labels: [],
  providerId: "",
  ...more,
});
const marks = (more: Partial<ProviderMarks>): ProviderMarks => ({
  version: "v1.34.0",
  host: "10.0.0.1",
  groups: [],
  nodes: [node()],
  ...more,
});

describe("[cluster-metadata] what is known about a cluster", () => {
  test.each([
    ["EKS", { version: "v1.31.4-eks-2d5f260" }],
    ["EKS", { host: "ABC.gr7.eu-west-1.eks.amazonaws.com" }],
    ["EKS", { nodes: [node({ labels: ["eks.amazonaws.com/nodegroup"] })] }],
    ["GKE", { version: "v1.30.5-gke.1014001" }],
    ["GKE", { nodes: [node({ labels: ["cloud.google.com/gke-nodepool"] })] }],
    ["AKS", { host: "shop-dns-1.hcp.westeurope.azmk8s.io" }],
    ["AKS", { nodes: [node({ labels: ["kubernetes.azure.com/cluster"] })] }],
    ["OpenShift", { groups: ["config.openshift.io"], nodes: [node({ labels: ["cloud.google.com/gke-nodepool"] })] }],
    ["OpenShift", { nodes: [node({ labels: ["node.openshift.io/os_id"] })] }],
    ["kind", { nodes: [node({ providerId: "kind://docker/kind/kind-control-plane" })] }],
    ["minikube", { nodes: [node({ labels: ["minikube.k8s.io/name"] })] }],
    ["k3s", { version: "v1.31.2+k3s1" }],
    ["k3s", { nodes: [node({ providerId: "k3s://edge-1" })] }],
    ["k3d", { version: "v1.31.2+k3s1", nodes: [node({ name: "k3d-dev-server-0" })] }],
    ["RKE2", { version: "v1.31.2+rke2r1" }],
    ["MicroK8s", { nodes: [node({ labels: ["microk8s.io/cluster"] })] }],
    ["Docker Desktop", { nodes: [node({ name: "docker-desktop" })] }],
    [undefined, {}],
    [undefined, { host: "eks.amazonaws.com.evil.test", nodes: [node({ labels: ["my-eks.amazonaws.com.x"] })] }],
  ])("%s by %o", (provider, seen) => {
    expect(providerOf(marks(seen))?.provider).toBe(provider);
  });

  test("quantities are read as Kubernetes writes them, and written as people do", () => {
    const read = ["250m", "1", "1.5", "128Mi", "1e3", "2Gi", "500k", 7, "", "x", "1 Gi", "Mi", undefined, null];
    expect(read.map(parseQuantity)).toEqual([
      0.25,
      1,
      1.5,
      128 * 2 ** 20,
      1000,
      2 * 2 ** 30,
      500_000,
      7,
      ...Array.from({ length: 6 }, () => undefined),
    ]);
    expect([coresText(0.25), coresText(2), coresText(1.234)]).toEqual(["250m", "2", "1.23"]);
    expect([bytesText(12), bytesText(2048), bytesText(1.5 * 2 ** 30)]).toEqual(["12", "2Ki", "1.5Gi"]);
    assert(
      property(string(), (text) => {
        expect(() => parseQuantity(text)).not.toThrow();
      }),
    );
    assert(
      property(double({ min: 0, max: 1e6, noNaN: true }), integer({ min: 0, max: 2 ** 50 }), (cores, bytes) => {
        expect(Math.abs((parseQuantity(coresText(cores)) ?? -1) - cores)).toBeLessThanOrEqual(0.01);
        expect(Math.abs((parseQuantity(bytesText(bytes)) ?? -1) - bytes)).toBeLessThanOrEqual(bytes * 0.06);
      }),
    );
  });

  test("a person's own labels and annotations are told, those of tools are not", () => {
    const words = {
      team: "payments",
      "example.com/owner": "x".repeat(1000),
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      "app.kubernetes.io/name": "web",
      "deployment.kubernetes.io/revision": "1",
      "meta.helm.sh/release-name": "r",
      "odd key\n": "v",
    };
    expect(Object.keys(ownWords(words))).toEqual(["team", "example.com/owner"]);
    expect(ownWords(words)["example.com/owner"]).toHaveLength(300);
    expect(ownWords(undefined)).toEqual({});
  });
});
