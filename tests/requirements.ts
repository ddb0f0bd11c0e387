/**
 * The promises of the first issues, each with an id that tests cite at the start of their titles: `[spine-ping] …`.
 * `tests/unit/requirements.test.ts` fails on one that no test cites, unless it stands in `pending` with its reason, on a
 * citation of an id that is not here, and on a pending one that a test cites after all.
 */
export const requirements = {
  // The project
  "project-set-up":
    "the two commands install, build and run on the pinned Node by themselves, whatever Node from 18 the machine has",
  "project-architecture": "imports point inwards, and what the architecture forbids fails a test",
  "project-test-skips": "a test run says which tests it skipped and why, and ends with `N passed, N failed`",
  "project-errors-documented":
    "every code of the catalogue has its section in docs/errors.md, and none is there without being one",
  "project-client-snippets":
    "the shapes for AI clients in the README and mcp.json.example are valid, and name a command that exists",
  "package-contents": "the package holds what it needs, the licences of what is bundled, and no tests or sources",
  "package-version": "the packed tarball, installed in an empty folder on Node 22 and 24, is the command",
  "package-mcp": "and serves MCP",
  "package-demo": "and runs the demo",
  "package-old-node": "on Node 20 the command answers with one clear sentence",
  "demo-main-job":
    "the demo starts, breaks, explains and heals an environment through the MCP tools in under 15 s, and ends with 0",
  "demo-keep": "the demo can be left up, and what it prints for an AI client works as it stands",
  "demo-diagnose": "the demo asks diagnose when the API is broken, and prints the root cause",

  // Configuration
  "config-problems":
    "every problem of a configuration is told at once, with file, line, column, the offending text and the nearest name",
  "config-names": "portwright.yaml and LocalPort's file names are found upwards from the working directory",
  "config-references": "references are resolved when a connection is dialled; a missing one is that service's finding",
  "config-localport":
    "every complete configuration of LocalPort's documentation and tests loads, and reads as LocalPort reads it",
  "config-bounds": "no file crashes the reader or keeps it busy without bound, and each refusal says what to do",
  "bad-input":
    "bad input of any kind gets its code, a sentence that says what to do and an exit code, and changes nothing",
  "config-edits": "edits by tools keep comments and order",

  // SSH
  "ssh-forward-sockets": "Unix sockets are ends of a forward, here and at the server",
  "ssh-forward-remote":
    "a remote forward leads from the server to this machine, and its check goes the whole way round",
  "ssh-remote-port-stable": "a port that the server chose for a remote forward is asked for again",
  "ssh-remote-port-held":
    "a held port of a remote forward is told from a forbidden one, with who holds it, and taken when it is free",
  "ssh-forward-dynamic": "a dynamic forward speaks SOCKS 5, 4 and 4a, and the server resolves names",
  "ssh-dynamic-allowed": "a SOCKS proxy at a server that does not forward is not ready",
  "ssh-agents":
    "agents that ~/.ssh/config names are told apart, and sign for a key of which only the public half is named",
  "ssh-odd-files":
    "a key or known_hosts file that is a pipe or a device neither holds the daemon up nor fills its memory",
  "ssh-forward-import":
    "LocalForward, RemoteForward and DynamicForward of ~/.ssh/config are offered as services, complete for configure_service",
  "ssh-drain": "a way that is closed by an edit waits for the connections that are being opened",
  "reload-in-a-row": "edits in a row lose no client that waits, and let none wait longer",
  "start-after-mending": "a start answers with what is so now, not with what failed before",
  "ssh-steps": "a command that is named for an SSH server goes to that server, with its port, user, key and hops",
  "ssh-routes": "a service is reached through any number of SSH hops, each verified and logged in to on its own",
  "ssh-jump-failed": "a hop that is gone is named, with why",
  "ssh-proxy-jump": "ProxyJump of ~/.ssh/config is a route too",
  "ssh-proxy-command": "ProxyCommand of ~/.ssh/config is run without a shell, and ends with its connection",
  "ssh-pool-growth":
    "a server that has no room for a channel gets a further connection, which is closed when it is empty",
  "ssh-back-soon": "a server that was gone is noticed within moments of its return, whatever the backoff",
  "ssh-survives":
    "a killed session, a restarted or stopped server and a cut network are noticed; open connections are reset, new ones wait",
  "ssh-crypto-shown": "get_status and diagnose say which of ssh2's two cryptos a connection runs",
  "ssh-channel": "an SSH channel keeps to its windows, and holds the server to its own",
  "ssh-handed-once": "a client that was handed to OpenSSH is given to nobody else",
  "ssh-reused-reads": "memory that an SSH connection reads into again is not in use any more",
  "bulk-takes-turns": "a connection that always has more to read lets the others have their turn",
  "bulk-leaves-room": "bulk leaves room on the processor while somebody converses",
  "ssh-verify":
    "after a sleep, an SSH connection that does not answer is ended within seconds, and those that do live on",
  "ssh-config-limits": "ServerAliveInterval, ServerAliveCountMax and ConnectTimeout of ~/.ssh/config are kept",
  "ssh-watch-files": "files that many services wait for are watched once each",
  "ssh-channels": "a hundred connections at once through one SSH connection get all of their own bytes and no others'",
  "ssh-max-sessions": "a server's MaxSessions does not limit forwards",
  "ssh-no-hammering": "a server is dialled once for all that wait for it, and refused logins are not repeated",
  "ssh-login-by-person": "what only a person can answer in an SSH login is asked at a terminal, and by no tool",
  "edit-drains":
    "an edit of the way to the same target cuts nothing: what is open ends by itself, and what comes takes the new way",
  "ssh-identification": "an SSH server's first words may come in any pieces, and are bounded",
  "ssh-wordless": "an SSH server that closes without a word is told as such, and asked ever less often",
  "ssh-mixed-hops": "services are hops too: an SSH server by its declaration, or one behind a Kubernetes forward",

  // Daemon, shim and command line
  "spine-cli": "the command line starts, shows, calls and stops what the tools do",
  "spine-eight-clients": "eight clients started at once from cold share one daemon",
  "spine-kill-client": "after kill -9 of a client its shim is gone within 3 s, and the forwards stay",
  "spine-kill-daemon": "after kill -9 of the daemon the same client's next call succeeds, and the services come back",
  "spine-leases": "what another client wants stays up unless forced",
  "spine-stdout": "nothing but JSON-RPC comes out on stdout, in any failure",
  "hand-over-idle": "a newer shim takes over from an older daemon while no forwarded connection is open",
  "hand-over-busy": "with one open it is served by the older daemon, with one clear notice, and nothing is cut",
  "alone-serves": "mcp --no-daemon serves everything in one process",
  "alone-refused": "mcp --no-daemon takes the daemon's lock, and says so when another holds it",
  "daemon-private-socket": "the socket is 0600 in a 0700 folder, and only the holder of the kernel lock binds it",
  "daemon-wanted-state": "the wanted state is kept in SQLite by one writer, and a damaged file does not stop the start",

  // Security
  "no-secret-in-answers": "no answer to a client holds a secret, whoever tries to make one say it",
  "untrusted-only": "text from outside stands only under untrusted, and in fences",
  "private-files": "the socket, the log and the database are open to their user alone",
  "no-secret-kept": "neither the log nor the database holds a secret",
  "no-secret-in-process": "nor do the daemon's environment and arguments",

  // SSH
  "spine-ping":
    "start_environment, verified, PING through the local port, status, stop: with the official client in both eras and the first-line client",
  "spine-killed-session":
    "a killed sshd session is not ready 500 ms after the first failed connection, and ready again within 3 s",
  "spine-host-key": "an unknown or changed host key is refused",
  "spine-port-taken": "a taken local port is refused before anything is dialled, naming the process that holds it",
  "ssh-authentication": "a key, an agent and a password by reference log in",
  "ssh-config-as-openssh": "~/.ssh/config reads the same as by ssh -G",
  "ssh-config-commands":
    "Match exec runs only from a file that nobody else may write, bounded in time, and never with names that a shell takes for more",
  "ssh-unlock-aside": "an encrypted SSH key is opened without holding forwarded bytes up",
  "ssh-certificates": "an OpenSSH certificate logs in, an expired one is named, and a host is known by its authority",
  "ssh-no-secret-outside":
    "a password or passphrase of SSH is in no argument, environment, file, log, result, store or error, by either driver",
  "ssh-trust-by-person": "an SSH host key becomes known only by a person's word at a terminal, a changed one by none",
  "ssh-key-care":
    "keys are listed with type, strength, age, permissions, use and expiry, with findings, and none is opened",
  "ssh-key-rotation": "a key is rotated at a person's word: the old one goes only after the new one logged in",
  "ssh-nothing-left": "no process of the system's OpenSSH outlives the daemon, however that ends",
  "ssh-handed-clients":
    "the system's OpenSSH reads and writes clients itself: ends, resets, refusals and losses are told as by our own relay",
  "ssh-tool-set": "the tools of SSH are listed only for a client that asks for their set",
  "ssh-one-connection": "services behind one bastion share one SSH connection",
  "forward-contract": "every driver passes back-pressure, half-close and resets on, both ways",

  // MCP
  "mcp-surface": "tools/list is the kept golden list, within 6,000 tokens, with all hints",
  "mcp-progress": "long calls report progress, and a cancelled one ends",
  "mcp-instructions": "the server says what it is for in at most 2,048 characters",

  // Kubernetes and the first diagnosis
  "kubernetes-targets": "pods, services, deployments and statefulsets are targets, by context and namespace",
  "kubernetes-credentials":
    "client certificate, token, token file and exec plugin are used; a plugin runs once for concurrent dials",
  "kubernetes-ways":
    "the API server is reached through proxy-url (HTTP, HTTPS, SOCKS5), the environment's proxy as kubectl reads it, and hops: requests, watches and tunnels alike",
  "kubernetes-accounts":
    "accounts of a kubeconfig and of a pod: rotated tokens, impersonation, plugins of both versions, what expires, what to do instead of what is gone",
  "kubernetes-pinned": "another cluster under a context's name is refused until a person takes it",
  "kubernetes-kubectl-reading": "kubeconfigs are merged and read as kubectl reads them",
  "discover-targets":
    "contexts, namespaces, services, workloads, pods, SSH hosts, listeners and compose files are searched by fuzzy names, in pages; what may not be read is told",
  connect: "connect finds, forwards and verifies what is meant, and connects nothing when several things fit",
  "cluster-metadata":
    "a cluster's version, provider, nodes, namespaces, quotas and warnings, and resources, usage and relations of the pods behind services, when asked",
  "kubernetes-error-stream": "what a pod's error stream says becomes a finding",
  "wire-protocols":
    "a tunnel in a WebSocket, else the SPDY upgrade, else a WebSocket for each connection, whose limits stand in the facts",
  "wire-transfers":
    "100 MB each way at once arrive unchanged over one connection and over 32; half-close keeps the whole answer",
  "wire-reset": "a client's reset leaves all other connections alone",
  "wire-left": "a tunnel whose server may hold unread bytes of an ended connection carries no new one",
  soak: "random clients each get exactly their own bytes and their target's end, nothing hangs and nothing is left over",
  "wire-one-broken": "a connection that the server breaks off says nothing of the way to the pod, nor of the others",
  "wire-told-end": "who sends on to a target that is gone after its end is told so",
  "wire-many": "a thousand connections open at once are all served",
  "wire-pod-killed": "connections that were open to a pod that is killed are reset",
  "wire-pings":
    "a dead peer is noticed within two ping intervals, on all idle connections at once; a target that takes no bytes is none",
  "wire-hostile": "whatever a server sends, a tunnel ends with a code, in bounded memory",
  "wire-shared": "a reader that stands still on a shared tunnel does not stop the others",
  "wire-goaway": "a tunnel that takes no more connections drains; what the server never looked at fails at once",
  "wire-eager":
    "first bytes go with the opening; a server that does not answer gets them after its answer from then on",
  "pod-deleted":
    "a deleted pod is not ready 500 ms after the first failed connection, and ready again within 2 s after the new one is; others are untouched",
  "three-services":
    "one environment with web and PostgreSQL in a cluster and Redis behind a bastion answers through its local ports, in both eras",
  "environment-several":
    "several environments are up at once: stopping one leaves what another one, or a dependent, still needs",
  "environment-order": "services start as parallel as their dependencies allow, and stop in reverse: dependents first",
  "engine-life": "through failures, edits and kills what was last answered is what is up, and nothing is left open",
  "environment-exports": "variables are rendered as dotenv, shell and JSON, and read back as they were",
  "supervision-reset": "attempts are forgotten only after a sustained healthy time, not with a start that succeeded",
  "supervision-waiting": "waiting for a pod is not a failure: it uses no attempts up",
  "supervision-circuit":
    "what cannot heal by itself (bad credentials, a missing resource) is tried now and then only, and at once when its cause changes",
  "supervision-flapping": "a service that is ready and drops again and again is found to flap, with evidence",
  "check-tcp": "a tcp check through a tunnel counts when no refusal comes within 250 ms, and says so",
  "wire-reached": "a pod's closed port is never called open, however far or busy its node is; an open one still is",
  "check-http": "http and https are checked by status and content, through the path",
  "check-logins": "checks log in by the usual ways of each protocol, and a wrong password is told as one",
  "check-command":
    "a command check runs without a shell, in a trusted workspace only, through the path, bounded in time and memory",
  "check-real-servers":
    "each kind of check is right about the real server: healthy, stopped, slow, wrong password, missing database, TLS",
  "check-postgres": "PostgreSQL is checked by its own protocol, with a query when credentials are given",
  fault:
    "staged faults on real clusters and servers are each named by their root cause with its evidence, and healthy scenarios have none",
  "diagnosis-evidence": "a root cause has structured evidence, and what changed just before",
  "diagnosis-one-root":
    "one root cause or none, the same for the same facts, with a confidence that its witnesses make",
  "diagnosis-fixes": "fixes are complete calls that their tools take, and steps for the person",
  "wait-for": "wait_for waits until a state, an event or a line, and can be resumed",
  query: "query searches what was recorded, in pages",
  "resources-prompts": "the resources and prompts of the contract are served",
  "history-bounded": "what happened is kept over restarts, bounded by number and age",
  "query-logs": "the log of a service's own pods is read by time and text, the container before a restart too",
  "cli-run": "run gives a program an environment's variables, secrets only there, and answers its exit code",
  "cli-env": "env prints an environment's variables for files, shells and scripts",
  "cli-history": "history, logs and probe tell people what the tools tell models",
  "cli-watch": "status --watch is a live table that fits the terminal, and a stream of what is different for scripts",
  "history-cluster": "pods that come, go and are restarted, and images that change, stand in the timeline",
  history: "get_history tells the timeline with who asked, in pages, by service, kind and time",
  "history-difference": "and what is different between two moments, also since it last worked",
  "history-outlives": "what happened, and when a service was last ready, outlives the daemon",
  "query-connections": "query tells the forwarded connections, with the program that opened each",
  "query-health": "checks, drops and the time ready are added up by the hour, and flaky services told",
  "status-expiring": "credentials and certificates that end soon are told once for all services that rest on them",
  "kubernetes-kinds": "daemonsets, replicasets and jobs are targets too",
  "kubernetes-selector": "pods are found by their labels, alone or among those of a named object",
  "kubernetes-ordinal": "one pod of a StatefulSet is reached by its ordinal",
  "kubernetes-slices": "a service follows its EndpointSlices where they may be read, else its pods",
  "kubernetes-watch":
    "one watch per cluster, namespace and kind is shared by all services; it resumes, lists again after 410, narrows itself where it must",
  undelivered:
    "a connection whose target was never reached is tried again or waits, with all that its client sent; nothing is delivered twice",
  survival:
    "a rollout, a scale to zero and back, an API server that goes away or falls silent and a stopped process heal by themselves, and refuse nobody who can be served within the waiting room",
  "kubernetes-balance":
    "connections to a service are spread over its ready pods; a pod that fails to take one is passed over",
  wake: "after a sleep, a stop or a change of network everything is verified at once; nothing asks a public address",
  "plan-apply":
    "a plan says what it does to what runs, is applied, verified and kept as a generation; comments and untouched connections stay",
  "plan-confirm":
    "apply_plan takes the plan's own sentence, word for word, in its time, over the text that it was made from",
  "plan-rollback": "what was ready and is not any more after a plan is put back, file and runtime, verified",
  "plan-killed":
    "kill -9 at random moments during starts, edits and rollbacks: the next process finds what was last answered, no port is lost",
  "plan-remove": "removing a service mends what names it; a kept generation can be gone back to",
  "plan-targets": "a plan says what its services would lead to, and which would not come up",
  "plan-policy": "a change by a tool holds references in credential fields only, and sets no key that runs a program",
  "plan-approve": "a restricted plan wants a person at a terminal, bound to what was shown",
  "plan-trust": "trust is bound to the keys that run programs or read secrets, and ends when one changes",
  "plan-cli": "plan, apply, approve and trust on the command line; approve and trust at a terminal only",
  proposal:
    "start_environment without a configuration answers with a plan inferred from compose file, example variables and clusters",
  "reload-watch":
    "an edit of the file is in force without a call, however it was written; untouched services keep their connections",
  "reload-invalid": "an invalid file changes nothing and is a finding, after a restart as well",
  "reload-rollback":
    "an edit by hand after which a healthy service is not is taken back in what runs, not in the file, and is a finding",
  "reload-storm":
    "the file edited 100 times a second, half of it invalid: no crash, no lost connection, the last valid edit wins",
  "reload-approve": "an edit of the file that reaches further waits for a person; what was in force before still is",
  "newest-environment": "a daemon started with an empty environment works once a client with the variables connects",
} as const;

export type Requirement = keyof typeof requirements;

/** Not cited yet. Each reason says where it is tested, or what is missing; an entry goes as soon as a test cites its id. */
export const pending: Partial<Record<Requirement, string>> = {};
