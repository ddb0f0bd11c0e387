/** A protocol that services are known by. */
export interface KnownProtocol {
  readonly name: string;
  /** What people call it, in names of services, ports and images. */
  readonly words: readonly string[];
  readonly ports: readonly number[];
  /** The check that verifies it, where there may be one; `tcp` where there is none. */
  readonly check: string;
  /** Variables for programs, by name; `NAME` becomes that of the connection. */
  readonly exports: Readonly<Record<string, string>>;
}

const endpoint = { NAME_HOST: "${host}", NAME_PORT: "${port}" };

/** In the order in which they are tried. */
export const knownProtocols: readonly KnownProtocol[] = [
  {
    name: "postgres",
    words: ["postgres", "postgresql", "pg", "pgsql", "psql", "timescaledb", "pgbouncer", "cockroachdb"],
    ports: [5432, 6432, 26_257],
    check: "postgres",
    exports: { PGHOST: "${host}", PGPORT: "${port}", DATABASE_URL: "postgres://${host}:${port}" },
  },
  {
    name: "redis",
    words: ["redis", "valkey", "keydb", "dragonfly"],
    ports: [6379, 6380],
    check: "redis",
    exports: { REDIS_URL: "redis://${host}:${port}" },
  },
  {
    name: "mysql",
    words: ["mysql", "mariadb", "percona"],
    ports: [3306],
    check: "mysql",
    exports: { MYSQL_HOST: "${host}", MYSQL_TCP_PORT: "${port}" },
  },
  {
    name: "mongodb",
    words: ["mongodb", "mongo"],
    ports: [27_017],
    check: "mongodb",
    exports: { MONGODB_URI: "mongodb://${host}:${port}/?directConnection=true" },
  },
  {
    name: "kafka",
    words: ["kafka", "redpanda"],
    ports: [9092, 9094],
    check: "kafka",
    exports: { KAFKA_BROKERS: "${host}:${port}" },
  },
  {
    name: "amqp",
    words: ["amqp", "rabbitmq", "rabbit"],
    ports: [5672],
    check: "amqp",
    exports: { AMQP_URL: "amqp://${host}:${port}" },
  },
  {
    name: "elasticsearch",
    words: ["elasticsearch", "opensearch", "elastic"],
    ports: [9200],
    check: "http",
    exports: { ELASTICSEARCH_URL: "http://${host}:${port}" },
  },
  { name: "grpc", words: ["grpc"], ports: [50_051], check: "grpc", exports: { NAME_ADDRESS: "${host}:${port}" } },
  { name: "ssh", words: ["ssh", "sshd", "sftp"], ports: [22, 2222], check: "ssh", exports: endpoint },
  { name: "memcached", words: ["memcached", "memcache"], ports: [11_211], check: "tcp", exports: endpoint },
  { name: "nats", words: ["nats"], ports: [4222], check: "tcp", exports: { NATS_URL: "nats://${host}:${port}" } },
  {
    name: "https",
    words: ["https", "web-tls", "websecure"],
    ports: [443, 8443],
    check: "https",
    exports: { NAME_URL: "https://${host}:${port}" },
  },
  {
    name: "http",
    words: ["http", "web", "www", "http2", "http-web", "nginx", "httpd", "apache", "caddy"],
    ports: [80, 3000, 5000, 8000, 8080, 8081, 8888, 9090],
    check: "http",
    exports: { NAME_URL: "http://${host}:${port}" },
  },
];

export interface ProtocolHints {
  readonly port?: number | undefined;
  /** Name of the port: it tells most. */
  readonly portName?: string | undefined;
  /** Name of the service, images: they tell what is behind, unless its port says otherwise. */
  readonly words: readonly string[];
}

/** Which protocol a port speaks, as far as its name, its number and the words around it tell. */
export function guessProtocol({ port, portName, words }: ProtocolHints): KnownProtocol | undefined {
  const said = portName === undefined ? undefined : byWord([portName]);
  if (said !== undefined) return said;
  const byNumber = knownProtocols.find(({ ports }) => port !== undefined && ports.includes(port));
  const around = byWord(words.flatMap((word) => wordsOf(word)));
  // A web port of something called postgres is its console; a port of no meaning is what the name says.
  return byNumber ?? around;
}

const byWord = (words: readonly string[]): KnownProtocol | undefined => {
  const folded = words.flatMap((word) => [word.toLowerCase(), ...wordsOf(word)]);
  return knownProtocols.find((known) => known.words.some((word) => folded.includes(word)));
};

/** The words of a name: `tcp-postgres`, `bitnami/postgresql:16`. */
export const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .slice(0, 300)
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");

/** A protocol that a word of a query names. */
export const protocolNamed = (word: string): KnownProtocol | undefined =>
  knownProtocols.find(({ words }) => words.includes(word.toLowerCase()));

/** The variables of a connection, with its name in capitals. */
export function exportsFor(protocol: KnownProtocol | undefined, service: string): Record<string, string> {
  const upper = service.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
  const name = /^[0-9]/.test(upper) ? `_${upper}` : upper;
  return Object.fromEntries(
    Object.entries(protocol?.exports ?? endpoint).map(([key, template]) => [key.replace(/^NAME/, name), template]),
  );
}
