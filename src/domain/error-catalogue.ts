/**
 * The closed catalogue of error and finding codes. `docs/errors.md` documents each; a test compares the two in both
 * directions.
 */

/** A step of the diagnosis ladder, from the configuration file to the application behind the connection. */
export type Rung =
  | "configuration"
  | "local_port"
  | "network"
  | "credentials"
  | "cluster"
  | "workload"
  | "ssh"
  | "proxy"
  | "target"
  | "application"
  | "relation"
  | "tool";

/** Whose side a failure is on: the person's machine and files, the network, the cluster or host, or the service itself. */
export type Side = "you" | "network" | "platform" | "service" | "none";

export interface CatalogueEntry {
  readonly rung: Rung;
  readonly side: Side;
  /** Whether trying again without any change can help. */
  readonly retryable: boolean;
  /**
   * What a service shows while this is its cause: `waiting` comes back by itself when the cause goes, `failed` wants
   * somebody to act on the service or its configuration.
   */
  readonly shows: "waiting" | "failed";
}

const entry = (rung: Rung, side: Side, retryable: boolean, shows: "waiting" | "failed"): CatalogueEntry => ({
  rung,
  side,
  retryable,
  shows,
});

/** Retried, and back as soon as the cause is gone. */
const waits = (rung: Rung, side: Side): CatalogueEntry => entry(rung, side, true, "waiting");
/** Retried, but broken until somebody mends it. */
const broken = (rung: Rung, side: Side): CatalogueEntry => entry(rung, side, true, "failed");
/** Not retried until asked or until its cause changes. */
const final = (rung: Rung, side: Side): CatalogueEntry => entry(rung, side, false, "failed");

export const errorCatalogue = {
  config_not_found: final("configuration", "you"),
  config_invalid: final("configuration", "you"),
  unknown_service: final("configuration", "you"),
  unknown_environment: final("configuration", "you"),
  variable_missing: entry("configuration", "you", false, "waiting"),
  duplicate_local_port: final("configuration", "you"),
  dependency_cycle: final("configuration", "you"),
  service_disabled: final("configuration", "you"),

  local_port_in_use: final("local_port", "you"),
  local_port_privileged: final("local_port", "you"),
  local_address_unavailable: final("local_port", "you"),
  too_many_open_files: waits("local_port", "you"),
  offline: waits("network", "network"),

  kubeconfig_missing: final("credentials", "you"),
  kubeconfig_invalid: final("credentials", "you"),
  context_missing: final("credentials", "you"),
  cluster_unreachable: waits("cluster", "network"),
  proxy_refused: waits("cluster", "network"),
  cluster_tls_untrusted: final("cluster", "platform"),
  cluster_certificate_expired: broken("cluster", "platform"),
  credentials_rejected: entry("credentials", "you", true, "failed"),
  credentials_expired: waits("credentials", "you"),
  credential_plugin_missing: final("credentials", "you"),
  credential_plugin_failed: waits("credentials", "you"),
  permission_denied: broken("credentials", "platform"),
  namespace_missing: broken("workload", "you"),
  resource_missing: broken("workload", "you"),

  service_without_selector: final("workload", "platform"),
  no_matching_pods: waits("workload", "service"),
  scaled_to_zero: waits("workload", "service"),
  pod_unschedulable: waits("workload", "platform"),
  image_pull_failed: broken("workload", "service"),
  container_config_error: broken("workload", "service"),
  init_container_failing: broken("workload", "service"),
  container_crashing: broken("workload", "service"),
  container_oom_killed: broken("workload", "service"),
  pod_not_ready: waits("workload", "service"),
  pod_gone: waits("workload", "service"),
  target_port_missing: final("workload", "you"),
  target_port_closed: broken("target", "service"),
  forward_refused: broken("cluster", "platform"),
  connection_lost: waits("network", "network"),

  host_unresolved: waits("ssh", "network"),
  host_unreachable: waits("ssh", "network"),
  host_key_unknown: final("ssh", "you"),
  host_key_changed: final("ssh", "platform"),
  ssh_key_missing: final("credentials", "you"),
  ssh_key_unreadable: final("credentials", "you"),
  ssh_key_passphrase_required: final("credentials", "you"),
  ssh_agent_unavailable: entry("credentials", "you", false, "waiting"),
  ssh_authentication_failed: final("credentials", "you"),
  ssh_login_required: entry("credentials", "you", false, "waiting"),
  ssh_certificate_expired: final("credentials", "you"),
  ssh_jump_failed: broken("ssh", "platform"),
  ssh_forwarding_prohibited: final("ssh", "platform"),
  ssh_session_limit: waits("ssh", "platform"),
  remote_port_in_use: waits("ssh", "platform"),
  target_unreachable: broken("target", "service"),

  route_conflict: final("configuration", "you"),
  no_healthy_upstream: broken("proxy", "service"),
  upstream_unreachable: broken("proxy", "service"),
  upstream_timeout: broken("proxy", "service"),
  upstream_failing: broken("proxy", "service"),
  upstream_slow: broken("proxy", "service"),
  redirect_loop: broken("proxy", "service"),
  certificate_expired: broken("application", "service"),
  certificate_expiring: broken("application", "service"),
  certificate_name_mismatch: broken("application", "service"),
  certificate_untrusted: broken("application", "service"),

  protocol_mismatch: broken("application", "you"),
  check_path_missing: broken("application", "you"),
  application_unhealthy: broken("application", "service"),
  application_auth_failed: broken("application", "you"),
  database_missing: broken("application", "you"),
  too_many_connections: broken("application", "service"),
  application_slow: broken("application", "service"),

  dependency_failed: waits("relation", "none"),
  flapping: broken("relation", "service"),
  held_by_other_client: final("relation", "none"),

  invalid_arguments: final("tool", "you"),
  unknown_plan: final("tool", "you"),
  operation_timed_out: entry("tool", "none", true, "failed"),
  cancelled: entry("tool", "none", true, "failed"),
  daemon_unreachable: entry("tool", "you", true, "failed"),
  daemon_running: final("tool", "you"),
  internal_error: entry("tool", "none", true, "failed"),
  target_not_found: final("tool", "you"),
  target_ambiguous: final("tool", "you"),
  plan_stale: final("tool", "you"),
  plan_expired: final("tool", "you"),
  approval_required: final("tool", "you"),
  refused_by_policy: final("tool", "you"),
  workspace_untrusted: final("tool", "you"),
  context_changed: final("credentials", "platform"),
  not_supported: final("tool", "you"),
  still_working: entry("tool", "none", true, "waiting"),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Whether a string (from a file, a store, a peer) is a code of the catalogue. */
export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCatalogue, code);
