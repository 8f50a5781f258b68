"""Every setting there is, in one table: ``serve``, ``config`` and the documentation are made from it.

Names, kinds and defaults are those of the contract (reference wire-api §13), with three exceptions: the default store
is the embedded SQLite file, telemetry is called ``ringward``, and no metrics are sent anywhere by default.
Settings the contract does not have stand beside those they belong to.
Where flag and environment name are not given, they follow from the key (see ``Setting``).
"""

from __future__ import annotations

from cli.settings import Kind, Secrecy, Setting

_UNSEEN = "refusing to start while you would wait for telemetry in vain"
_DEBUG = "refusing to start without the debug endpoint that was asked for"

_ALL_EXPORTERS = "otlp, otlp-http, otlp-grpc or gcp"

SETTINGS: tuple[Setting, ...] = (
    Setting("account_id", Kind.TEXT, "", "Name of your account; accepted for compatibility, used for nothing."),
    # server
    Setting(
        "server.rate_limit",
        Kind.INTEGER,
        "10000",
        "Most calls accepted per second, of all clients together; 0 means no limit.",
        env="RATE_LIMIT",
        works=True,
    ),
    Setting(
        "server.max_concurrent_requests",
        Kind.INTEGER,
        "10000",
        "Most calls in progress at once; 0 means no limit.",
        works=True,
    ),
    Setting(
        "server.max_concurrent_streams",
        Kind.INTEGER,
        "10000",
        "Most streams (watch, lookup streams) open at once; 0 means no limit.",
        works=True,
    ),
    Setting("server.host", Kind.TEXT, "", "Address to listen on; empty means every interface.", works=True),
    Setting("server.name_override", Kind.TEXT, "", "Server name expected in the TLS certificate.", env="NAME_OVERRIDE"),
    Setting("server.grpc.port", Kind.PORT, "3478", "Port for gRPC; 0 picks a free one.", works=True),
    Setting("server.grpc.tls.enabled", Kind.SWITCH, "false", "Encrypt gRPC with TLS.", works=True),
    Setting(
        "server.grpc.tls.key",
        Kind.TEXT,
        "",
        "File with the private key for gRPC.",
        flag="grpc-tls-key-path",
        works=True,
    ),
    Setting(
        "server.grpc.tls.cert",
        Kind.TEXT,
        "",
        "File with the certificate for gRPC; renewed files are noticed.",
        flag="grpc-tls-cert-path",
        works=True,
    ),
    Setting(
        "server.grpc.tls.client_ca",
        Kind.TEXT,
        "",
        "File with the CA that must have signed the certificates of gRPC clients; empty asks for none.",
        flag="grpc-tls-client-ca-path",
        works=True,
    ),
    Setting("server.http.enabled", Kind.SWITCH, "true", "Serve the REST API.", works=True),
    Setting("server.http.port", Kind.PORT, "3476", "Port for the REST API; 0 picks a free one.", works=True),
    Setting(
        "server.http.grpc_target_host",
        Kind.TEXT,
        "127.0.0.1",
        "Accepted for compatibility, used for nothing: REST is answered without a hop over gRPC.",
    ),
    Setting("server.http.tls.enabled", Kind.SWITCH, "false", "Encrypt the REST API with TLS.", works=True),
    Setting(
        "server.http.tls.key",
        Kind.TEXT,
        "",
        "File with the private key for REST.",
        flag="http-tls-key-path",
        works=True,
    ),
    Setting(
        "server.http.tls.cert",
        Kind.TEXT,
        "",
        "File with the certificate for REST; renewed files are noticed.",
        flag="http-tls-cert-path",
        works=True,
    ),
    Setting(
        "server.http.tls.client_ca",
        Kind.TEXT,
        "",
        "File with the CA that must have signed the certificates of REST clients; empty asks for none.",
        flag="http-tls-client-ca-path",
        works=True,
    ),
    Setting(
        "server.http.cors_allowed_origins",
        Kind.LIST,
        "*",
        "Web origins whose pages may call, as https://app.example.com or https://*.example.com; * means all.",
        works=True,
    ),
    Setting(
        "server.http.cors_allowed_headers",
        Kind.LIST,
        "*",
        "Request headers that those pages may send; * means all.",
        works=True,
    ),
    # profiler
    Setting("profiler.enabled", Kind.SWITCH, "false", "Serve profiling data for developers.", refusal=_DEBUG),
    Setting("profiler.port", Kind.TEXT, "", "Port for profiling data."),
    # logger
    Setting(
        "logger.level",
        Kind.TEXT,
        "info",
        "The least severe events to log: debug, info, warn or error.",
        choices=("debug", "info", "warn", "error"),
        works=True,
    ),
    Setting(
        "logger.output",
        Kind.TEXT,
        "",
        "How log lines look: text for people (the default) or json for machines.",
        choices=("", "text", "json"),
        works=True,
    ),
    Setting("logger.enabled", Kind.SWITCH, "false", "Also send logs to a collector.", refusal=_UNSEEN),
    Setting("logger.exporter", Kind.TEXT, "otlp", f"How logs are sent: {_ALL_EXPORTERS}."),
    Setting("logger.endpoint", Kind.TEXT, "", "Address of the log collector."),
    Setting("logger.insecure", Kind.SWITCH, "false", "Send logs unencrypted."),
    Setting("logger.urlpath", Kind.TEXT, "", "Path at the log collector.", env="LOG_URL_PATH"),
    Setting("logger.headers", Kind.LIST, "", "Headers sent with logs, name:value each.", secrecy=Secrecy.WHOLE),
    Setting("logger.protocol", Kind.TEXT, "http", "Protocol to the log collector: http or grpc."),
    Setting("logger.service_name", Kind.TEXT, "ringward", "Name of this service in sent logs."),
    # authn
    Setting("authn.enabled", Kind.SWITCH, "false", "Ask callers for a token.", works=True),
    Setting("authn.method", Kind.TEXT, "", "Which tokens are accepted: preshared or oidc.", works=True),
    Setting("authn.preshared.keys", Kind.LIST, "", "Tokens that open the door.", secrecy=Secrecy.WHOLE, works=True),
    Setting("authn.oidc.issuer", Kind.TEXT, "", "Who issues the tokens (URL of the identity provider).", works=True),
    Setting("authn.oidc.audience", Kind.TEXT, "", "For whom the tokens must be issued.", works=True),
    Setting(
        "authn.oidc.refresh_interval", Kind.DURATION, "15m0s", "How often the issuer's keys are fetched.", works=True
    ),
    Setting(
        "authn.oidc.backoff_interval",
        Kind.DURATION,
        "12s",
        "Span in which tokens with unknown keys make the keys be fetched a limited number of times.",
        works=True,
    ),
    Setting(
        "authn.oidc.backoff_max_retries",
        Kind.INTEGER,
        "5",
        "How many times more than once that is.",
        env="AUTHN_OIDC_BACKOFF_RETRIES",
        least=0,
        works=True,
    ),
    Setting(
        "authn.oidc.backoff_frequency",
        Kind.DURATION,
        "0s",
        "Least pause between those fetches; 0s spreads them evenly over the span.",
        works=True,
    ),
    Setting("authn.oidc.valid_methods", Kind.LIST, "RS256,HS256", "Signature methods accepted in tokens.", works=True),
    Setting(
        "authn.oidc.clock_skew",
        Kind.DURATION,
        "30s",
        "By how much the issuer's clock may differ; expired tokens are accepted for so long.",
        works=True,
    ),
    # tracer
    Setting("tracer.enabled", Kind.SWITCH, "false", "Send traces of requests to a collector.", refusal=_UNSEEN),
    Setting("tracer.exporter", Kind.TEXT, "", f"How traces are sent: zipkin, jaeger, signoz, {_ALL_EXPORTERS}."),
    Setting("tracer.endpoint", Kind.TEXT, "", "Address of the trace collector."),
    Setting("tracer.insecure", Kind.SWITCH, "false", "Send traces unencrypted."),
    Setting("tracer.urlpath", Kind.TEXT, "", "Path at the trace collector.", env="TRACER_URL_PATH"),
    Setting("tracer.headers", Kind.LIST, "", "Headers sent with traces, name:value each.", secrecy=Secrecy.WHOLE),
    Setting("tracer.protocol", Kind.TEXT, "http", "Protocol to the trace collector: http or grpc."),
    Setting("tracer.service_name", Kind.TEXT, "ringward", "Name of this service in traces."),
    # meter
    Setting("meter.enabled", Kind.SWITCH, "false", "Send metrics to a collector.", refusal=_UNSEEN),
    Setting("meter.exporter", Kind.TEXT, "otlp", f"How metrics are sent: {_ALL_EXPORTERS}."),
    Setting("meter.endpoint", Kind.TEXT, "", "Address of the metrics collector."),
    Setting("meter.insecure", Kind.SWITCH, "false", "Send metrics unencrypted."),
    Setting("meter.urlpath", Kind.TEXT, "", "Path at the metrics collector.", env="METER_URL_PATH"),
    Setting("meter.headers", Kind.LIST, "", "Headers sent with metrics, name:value each.", secrecy=Secrecy.WHOLE),
    Setting("meter.interval", Kind.INTEGER, "300", "Seconds between two sendings of metrics.", least=1),
    Setting("meter.protocol", Kind.TEXT, "http", "Protocol to the metrics collector: http or grpc."),
    Setting("meter.service_name", Kind.TEXT, "ringward", "Name of this service in metrics."),
    # service
    Setting(
        "service.circuit_breaker",
        Kind.SWITCH,
        "false",
        "Stop asking a database that keeps failing, for a while.",
        refusal="refusing to start without the protection that was asked for",
    ),
    Setting(
        "service.watch.enabled",
        Kind.SWITCH,
        "false",
        "Let clients follow changes of relationships and attributes.",
        works=True,
    ),
    Setting(
        "service.watch.heartbeat_interval",
        Kind.DURATION,
        "30s",
        "After how long without a change a watcher gets a message without changes.",
        least=1,
        works=True,
    ),
    Setting(
        "service.watch.stall_timeout",
        Kind.DURATION,
        "30s",
        "How long a watcher may leave a message unread before its stream is ended.",
        least=1,
        works=True,
    ),
    Setting(
        "service.schema.cache.number_of_counters",
        Kind.INTEGER,
        "1000",
        "How many schema versions stay compiled in memory.",
        least=1,
        works=True,
    ),
    Setting("service.schema.cache.max_cost", Kind.SIZE, "10MiB", "Most memory for compiled schemas."),
    Setting("service.permission.bulk_limit", Kind.INTEGER, "100", "Checks run side by side for a list.", least=1),
    Setting("service.permission.concurrency_limit", Kind.INTEGER, "100", "Reads side by side per check.", least=2),
    Setting(
        "service.permission.cache.number_of_counters", Kind.INTEGER, "10000", "How many answers stay cached.", least=1
    ),
    Setting("service.permission.cache.max_cost", Kind.SIZE, "10MiB", "Most memory for cached answers."),
    # database
    Setting(
        "database.engine",
        Kind.TEXT,
        "sqlite",
        "Where data is kept: sqlite (one file), memory (lost at exit) or postgres.",
        choices=("sqlite", "memory", "postgres"),
        works=True,
    ),
    Setting(
        "database.uri",
        Kind.TEXT,
        "",
        "For sqlite the file, by default ringward/ringward.db in your data folder; postgres://… for postgres.",
        secrecy=Secrecy.ADDRESS,
        works=True,
    ),
    Setting(
        "database.writer.uri",
        Kind.TEXT,
        "",
        "PostgreSQL server that takes writes, where database.uri is not given.",
        secrecy=Secrecy.ADDRESS,
        works=True,
    ),
    Setting(
        "database.reader.uri",
        Kind.TEXT,
        "",
        "Replica that answers the reads it is recent enough for; goes with database.writer.uri.",
        secrecy=Secrecy.ADDRESS,
        works=True,
    ),
    Setting(
        "database.auto_migrate", Kind.SWITCH, "true", "Bring PostgreSQL's tables up to date at the start.", works=True
    ),
    Setting(
        "database.max_connections",
        Kind.INTEGER,
        "0",
        "Most connections to each PostgreSQL server; 0 means the next setting.",
        least=0,
        works=True,
    ),
    Setting(
        "database.max_open_connections",
        Kind.INTEGER,
        "20",
        "Most connections, by its older name; 0 means 20.",
        least=0,
        works=True,
    ),
    Setting(
        "database.max_idle_connections",
        Kind.INTEGER,
        "1",
        "Connections kept open at least, where database.min_connections is 0.",
        least=0,
        works=True,
    ),
    Setting(
        "database.max_connection_lifetime",
        Kind.DURATION,
        "5m0s",
        "How old a connection may become before it is replaced; 0s means any age.",
        works=True,
    ),
    Setting(
        "database.max_connection_idle_time",
        Kind.DURATION,
        "1m0s",
        "How long a connection may be idle before it is closed; 0s means for ever.",
        works=True,
    ),
    Setting("database.min_connections", Kind.INTEGER, "0", "Connections kept open at least.", least=0, works=True),
    Setting(
        "database.min_idle_connections",
        Kind.INTEGER,
        "1",
        "The same; the larger of the two counts.",
        least=0,
        works=True,
    ),
    Setting(
        "database.health_check_period",
        Kind.DURATION,
        "0s",
        "Accepted for compatibility, used for nothing: a broken connection is noticed at once.",
    ),
    Setting(
        "database.max_connection_lifetime_jitter",
        Kind.DURATION,
        "0s",
        "Random part added to a connection's lifetime; 0s means a fifth of it.",
        works=True,
    ),
    Setting(
        "database.connect_timeout",
        Kind.DURATION,
        "0s",
        "How long opening a connection may take; 0s means 5s.",
        works=True,
    ),
    Setting(
        "database.max_data_per_write",
        Kind.INTEGER,
        "1000",
        "Most relationships and attributes in one write.",
        least=1,
        works=True,
    ),
    Setting(
        "database.max_retries",
        Kind.INTEGER,
        "10",
        "How often a write that conflicts with another is tried again.",
        least=0,
        works=True,
    ),
    Setting(
        "database.watch_buffer_size",
        Kind.INTEGER,
        "100",
        "How many recent transactions of each watched tenant are kept in memory.",
        least=1,
        works=True,
    ),
    Setting(
        "database.garbage_collection.enabled",
        Kind.SWITCH,
        "false",
        "Remove old history; needs interval, window and timeout.",
        works=True,
    ),
    Setting("database.garbage_collection.interval", Kind.DURATION, "0s", "Pause between two collections.", works=True),
    Setting(
        "database.garbage_collection.timeout", Kind.DURATION, "0s", "How long one collection may take.", works=True
    ),
    Setting(
        "database.garbage_collection.window",
        Kind.DURATION,
        "0s",
        "How long history, and with it snap tokens, stays readable.",
        works=True,
    ),
    # distributed
    Setting(
        "distributed.enabled",
        Kind.SWITCH,
        "false",
        "Work as one of several nodes.",
        refusal="refusing to start alone where a cluster was asked for",
    ),
    Setting("distributed.address", Kind.TEXT, "", "How the other nodes are found."),
    Setting("distributed.port", Kind.PORT, "5000", "Port that nodes use among themselves."),
    Setting("distributed.partition_count", Kind.INTEGER, "0", "Parts the keys are divided into; 0 means 271.", least=0),
    Setting("distributed.replication_factor", Kind.INTEGER, "0", "Ring positions per node; 0 means 20.", least=0),
    Setting("distributed.load", Kind.NUMBER, "0", "Most load of a node relative to the mean; 0 means 1.25.", least=0),
    Setting("distributed.picker_width", Kind.INTEGER, "0", "How many owners a key may have; 0 means 1.", least=0),
)

SETTINGS_BY_KEY = {setting.key: setting for setting in SETTINGS}

READ_BY_NOBODY = frozenset({"logger.file"})  # keys of the contract's sample file that never had an effect
