import { comesBack, kubectl, look, shellWord, type FactText, type Remedies, type Remedy } from "./words.ts";

/** What runs in the cluster. */
export const workloadRemedies: Remedies = {
  scaled_to_zero: (fact) => [
    {
      do: "run",
      command:
        fact("suspend") === undefined
          ? kubectl(fact, `scale ${shellWord(fact("workload") ?? "deployment/NAME")} --replicas 1`)
          : kubectl(fact, `patch ${shellWord(fact("workload") ?? "job/NAME")} -p '{"spec":{"suspend":false}}'`),
      why: fact("suspend") === undefined ? "no pod is asked for" : "it is suspended",
      changes: "the shared cluster",
      then: comesBack,
    },
  ],
  image_pull_failed: (fact) => [
    {
      do: "edit",
      where: `container ${fact("container") ?? ""} of ${fact("workload") ?? "the workload"}`.replaceAll("  ", " "),
      what: "an image that exists and that the cluster may pull",
      why: `${fact("image") ?? "the image"} cannot be pulled`,
      changes: "the shared cluster",
    },
  ],
  container_oom_killed: (fact) => [
    {
      do: "edit",
      where: `container ${fact("container") ?? ""} of ${fact("workload") ?? "the workload"}`.replaceAll("  ", " "),
      what: "a higher resources.limits.memory",
      why: `it is killed at ${fact("limit") ?? "its limit"}`,
      changes: "the shared cluster",
    },
  ],
  namespace_missing: (fact) => [
    look(kubectl(none(fact), "get namespaces"), `there is no namespace ${fact("namespace") ?? ""}`.trim()),
  ],
  resource_missing: (fact) => [
    look(kubectl(fact, "get services,deployments,statefulsets,pods"), "what there is in the namespace"),
  ],
  service_without_selector: (fact) => [
    look(
      kubectl(fact, `get endpointslices -l kubernetes.io/service-name=${shellWord(fact("service") ?? "SERVICE")}`),
      "where it leads to",
    ),
  ],
  no_matching_pods: (fact) =>
    fact("must_specify") !== undefined
      ? [
          {
            do: "edit",
            where: `containers of ${fact("workload") ?? "the workload"}`,
            what: `resources.${fact("must_specify")}`,
            why: `quota ${fact("quota")} counts it, so each container must say it`,
            changes: "the shared cluster",
            then: comesBack,
          },
        ]
      : fact("quota") !== undefined
        ? [
            look(
              kubectl(fact, `describe quota ${shellWord(fact("quota") ?? "")}`),
              "what is used, and by whom it may be raised",
            ),
            {
              do: "ask",
              what: `an administrator to raise quota ${fact("quota")}, or free what uses it`,
              why: "no pod may be made",
              changes: "the shared cluster",
              then: comesBack,
            },
          ]
        : fact("reason") === "FailedCreate"
          ? [look(kubectl(fact, `describe ${shellWord(fact("workload") ?? "replicaset")}`), "why its pods are refused")]
          : [
              look(kubectl(fact, "get pods --show-labels"), "the labels of the pods, against the selector"),
              ...(fact("difference") === undefined
                ? []
                : [
                    {
                      do: "edit" as const,
                      where: `selector of service ${fact("service") ?? ""}`.trim(),
                      what: `the labels of ${fact("nearest") ?? "the pods"}`,
                      why: fact("difference") ?? "",
                      changes: "the shared cluster",
                      then: comesBack,
                    },
                  ]),
            ],
  pod_unschedulable: (fact) => [
    look(
      kubectl(
        fact,
        `describe ${shellWord(fact("pod") === undefined ? (fact("workload") ?? "pod") : `pod/${fact("pod")}`)}`,
      ),
      "the scheduler's own words, node by node",
    ),
    {
      do: "edit",
      where: `pods of ${fact("workload") ?? "the workload"}`,
      what: "its requests, node selector, tolerations or volume claims, so that a node fits",
      why: "no node takes it",
      changes: "the shared cluster",
      then: comesBack,
    },
  ],
  container_config_error: (fact) => {
    const [, kind, name] =
      /^(configmap|secret|serviceaccount|persistentvolumeclaim)\/(\S+)/.exec(fact("missing") ?? "") ?? [];
    const steps: Remedy[] = [
      look(kubectl(fact, `describe pod ${shellWord(fact("pod") ?? "POD")}`), "what the pod refers to"),
    ];
    if (kind !== undefined && name !== undefined)
      steps.unshift({
        do: "ask",
        what: `whoever deploys it for ${kind} ${name}, or correct its name in ${fact("workload") ?? "the workload"}`,
        why: "the pod cannot start without it",
        changes: "the shared cluster",
        then: comesBack,
      });
    return steps;
  },
  init_container_failing: (fact) => [
    look(
      kubectl(fact, `logs ${shellWord(fact("pod") ?? "POD")} -c ${shellWord(fact("container") ?? "CONTAINER")}`),
      "what the init container says",
    ),
  ],
  container_crashing: (fact) => [
    look(
      kubectl(fact, `logs ${shellWord(fact("pod") ?? "POD")} -c ${shellWord(fact("container") ?? "main")} --previous`),
      "the last words of the container that ended",
    ),
    ...(fact("probe") === undefined
      ? []
      : [
          {
            do: "edit" as const,
            where: `probe of container ${fact("container") ?? ""} of ${fact("workload") ?? "the workload"}`,
            what: "a port and path that it answers",
            why: `${fact("probe")} fails and the container is killed`,
            changes: "the shared cluster",
            then: comesBack,
          },
        ]),
  ],
  pod_not_ready: (fact) => [
    look(kubectl(fact, `describe pod ${shellWord(fact("pod") ?? "POD")}`), "what its readiness check says"),
    look(kubectl(fact, `logs ${shellWord(fact("pod") ?? "POD")} --tail 50`), "what it does meanwhile"),
  ],
  pod_gone: (fact) => [look(kubectl(fact, "get pods"), "which pods are there now")],
  target_port_missing: (fact) => [
    {
      do: "edit",
      where: "remote_port of the service",
      what: fact("nearest") ?? `one of ${fact("ports") ?? "its ports"}`,
      why: `there is no port ${fact("port") ?? ""}`.trim(),
    },
  ],
  target_port_closed: (fact) => [
    look(kubectl(fact, `logs ${shellWord(fact("pod") ?? "POD")} --tail 20`), "which port the program listens on"),
    {
      do: "edit",
      where: "targetPort of the Kubernetes service, or remote_port here",
      what:
        fact("declared_ports") === undefined
          ? "the port that the program listens on"
          : `one of ${fact("declared_ports")}`,
      why: `nothing listens on ${fact("port") ?? "it"}`,
    },
  ],
};

const none =
  (fact: FactText): FactText =>
  (name) =>
    name === "namespace" ? undefined : fact(name);
