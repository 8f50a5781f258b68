"""The configuration of a node, loaded once: flag before environment before file before default.

Nothing raises on the way: all problems are collected, so that they can be mended in one go, and ``node_settings``
refuses to go on while there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from api.auth.settings import AuthSettings, OidcSettings, PresharedSettings
from api.identity import TlsSettings
from api.limits import LimitSettings
from api.operations.settings import OperationsSettings, ProfilerSettings
from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from cli.config_checks import check_together, profiler_port, sqlite_path
from cli.config_sources import DEFAULT_FILE, Given, Readings, from_environment, from_file, from_flags
from cli.postgres_uri import PostgresUri
from cli.settings import Secrecy, Setting, Value
from cli.settings_table import SETTINGS
from cli.telemetry_checks import destination_of
from cli.version import installed_version
from cluster.redis_server import RedisServer
from model.errors import InvalidRequest
from node.distant import ClusterAccess
from node.settings import (
    ClusterSettings,
    DatabaseEngine,
    DatabaseSettings,
    GarbageCollection,
    GrpcTransport,
    NodeSettings,
)
from storage.postgres.settings import PostgresSettings
from telemetry.sampling import Sampler
from telemetry.settings import LogSettings, MeterSettings, TelemetrySettings, TraceSettings

_USUAL_CONNECTIONS = 20
_USUAL_PROBE_PERIOD_S = 60.0
_USUAL_CONNECT_TIMEOUT_S = 5.0
_EVER_S = 10 * 365 * 86400.0  # what 0s means for a connection's life; a timer cannot be set for infinity


class Source(Enum):
    """Who decided a value."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who decided a value, and where exactly: the flag, the variable, ``file:line``; nothing for defaults."""

    source: Source
    place: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A value for every setting, with its origin, by key in the order of the table.

    problems: why no node can start with it, one line each; the values concerned are the defaults. warnings: what may
    surprise.
    """

    values: Mapping[str, Value]
    origins: Mapping[str, Origin]
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def text(self, key: str) -> str:
        """The value of a setting that is text."""
        return str(self.values[key])

    def integer(self, key: str) -> int:
        """The value of a setting that is a whole number."""
        return int(self._number(key))

    def seconds(self, key: str) -> float:
        """The value of a setting that is a duration."""
        return float(self._number(key))

    def number(self, key: str) -> float:
        """The value of a setting that is a number."""
        return float(self._number(key))

    def items(self, key: str) -> tuple[str, ...]:
        """The value of a setting that is a list."""
        value = self.values[key]
        if not isinstance(value, tuple):
            raise TypeError(f"{key} is not a list")
        return value

    def is_on(self, key: str) -> bool:
        """True if a switch is on."""
        return self.values[key] is True

    def _number(self, key: str) -> int | float:
        value = self.values[key]
        if not isinstance(value, int | float):
            raise TypeError(f"{key} is not a number: {value!r}")
        return value


class InvalidConfiguration(InvalidRequest):
    """Settings no node can start with; ``problems`` are one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load_configuration(
    *, flags: Mapping[str, Sequence[str]], file: Path | None, environment: Mapping[str, str], folder: Path = Path()
) -> Configuration:
    """The configuration from all sources.

    flags: texts by key, as given. file: the one asked for; None means config/config.yaml below ``folder``, if it is
    there. environment: all variables, of which those of others are ignored.
    """
    default_file = folder / DEFAULT_FILE
    path = file or (default_file if default_file.is_file() else None)
    readings = {
        Source.FLAG: from_flags(flags),
        Source.ENVIRONMENT: from_environment(environment),
        Source.FILE: from_file(path) if path else Readings(),
    }
    problems = [problem for reading in readings.values() for problem in reading.problems]
    warnings = [warning for reading in readings.values() for warning in reading.warnings]
    values: dict[str, Value] = {}
    origins: dict[str, Origin] = {}
    for setting in SETTINGS:
        values[setting.key], origins[setting.key] = _settle(setting, readings, problems)
    if values["database.engine"] == "sqlite" and not values["database.uri"]:
        values["database.uri"] = str(_default_database(environment))
    places = {key: origin.place for key, origin in origins.items() if origin.source is not Source.DEFAULT}
    more_problems, more_warnings = check_together(values, places)
    return Configuration(values, origins, (*problems, *more_problems), (*warnings, *more_warnings))


def node_settings(configuration: Configuration) -> NodeSettings:
    """What the node is told. Raises InvalidConfiguration if the configuration has problems."""
    if configuration.problems:
        raise InvalidConfiguration(configuration.problems)
    return NodeSettings(
        host=configuration.text("server.host"),
        grpc_port=configuration.integer("server.grpc.port"),
        grpc_transport=GrpcTransport(configuration.text("server.grpc.transport")),
        schema_cache_entries=configuration.integer("service.schema.cache.number_of_counters"),
        answer_cache_entries=configuration.integer("service.permission.cache.number_of_counters"),
        answer_cache_bytes=configuration.integer("service.permission.cache.max_cost"),
        database=_database_settings(configuration),
        auth=_auth_settings(configuration),
        limits=_limit_settings(configuration),
        watch=WatchSettings(
            enabled=configuration.is_on("service.watch.enabled"),
            heartbeat_interval_s=configuration.seconds("service.watch.heartbeat_interval"),
            stall_timeout_s=configuration.seconds("service.watch.stall_timeout"),
        ),
        http=_rest_settings(configuration),
        grpc_tls=_tls_settings(configuration, "server.grpc.tls"),
        http_tls=_tls_settings(configuration, "server.http.tls"),
        cluster=_cluster_settings(configuration),
        drain_s=configuration.seconds("server.drain_delay"),
        telemetry=_telemetry_settings(configuration),
        operations=_operations_settings(configuration),
        profiler=_profiler_settings(configuration),
    )


def cluster_access(configuration: Configuration, address: str = "") -> ClusterAccess:
    """What opens the peer ports of a cluster whose nodes are configured so. address: of one; else localhost.

    Raises InvalidConfiguration if the configuration has problems.
    """
    if configuration.problems:
        raise InvalidConfiguration(configuration.problems)
    preshared = configuration.items("authn.preshared.keys") if configuration.is_on("authn.enabled") else ()
    return ClusterAccess(
        address=address or f"localhost:{configuration.integer('distributed.port')}",
        key=configuration.text("distributed.cluster_key") or next(iter(preshared), ""),
        tls=_tls_settings(configuration, "distributed.tls"),
        server_name=configuration.text("server.name_override"),
    )


def _settle(setting: Setting, readings: Mapping[Source, Readings], problems: list[str]) -> tuple[Value, Origin]:
    """The value of the first source that gives one, else the default; so too if it is bad, which is a problem."""
    for source, reading in readings.items():
        given = reading.given.get(setting.key)
        if given is None:
            continue
        try:
            return setting.parse(given.text), Origin(source, given.place)
        except ValueError as error:
            problems.append(_describe(setting, given, error))
            break
    return setting.default_value, Origin(Source.DEFAULT)


def _describe(setting: Setting, given: Given, error: ValueError) -> str:
    text = ",".join(given.text) if isinstance(given.text, tuple) else given.text
    shown = repr(text) if setting.secrecy is Secrecy.OPEN else "a secret"
    return f"{given.place}: {setting.key}: {error}, got {shown}"


def _default_database(environment: Mapping[str, str]) -> Path:
    """The database file in the user's data folder. Source: XDG Base Directory Specification."""
    data_home = environment.get("XDG_DATA_HOME", "")
    if not data_home.startswith("/"):  # the specification asks to ignore relative folders
        data_home = f"{environment.get('HOME') or Path.home()}/.local/share"
    return Path(data_home) / "ringward" / "ringward.db"


def _database_settings(configuration: Configuration) -> DatabaseSettings:
    engine = DatabaseEngine(configuration.text("database.engine"))
    settings = DatabaseSettings(
        engine=engine,
        max_data_per_write=configuration.integer("database.max_data_per_write"),
        watch_buffer_size=configuration.integer("database.watch_buffer_size"),
        garbage_collection=_garbage_collection(configuration),
        auto_migrate=configuration.is_on("database.auto_migrate"),
    )
    if engine is DatabaseEngine.POSTGRES:
        return replace(settings, postgres=_postgres_settings(configuration))
    if engine is DatabaseEngine.SQLITE:
        return replace(settings, path=sqlite_path(configuration.text("database.uri")))
    return settings


def _postgres_settings(configuration: Configuration) -> PostgresSettings:
    """Zeros stand for other settings, or for what is usual. Source: reference wire-api §13, the notes."""
    both = configuration.text("database.uri")
    writer = PostgresUri.parse(both or configuration.text("database.writer.uri"))
    reader_text = "" if both else configuration.text("database.reader.uri")
    reader = PostgresUri.parse(reader_text) if reader_text else None
    most = (
        configuration.integer("database.max_connections")
        or configuration.integer("database.max_open_connections")
        or _USUAL_CONNECTIONS
    )
    least = max(
        configuration.integer("database.min_connections") or configuration.integer("database.max_idle_connections"),
        configuration.integer("database.min_idle_connections"),
    )
    lifetime_s = configuration.seconds("database.max_connection_lifetime") or _EVER_S
    return PostgresSettings(
        writer_uri=writer.uri,
        reader_uri=reader.uri if reader else None,
        least_connections=min(least, most),
        most_connections=most,
        lifetime_s=lifetime_s,
        lifetime_jitter_s=configuration.seconds("database.max_connection_lifetime_jitter") or lifetime_s / 5,
        idle_s=configuration.seconds("database.max_connection_idle_time") or _EVER_S,
        health_check_period_s=configuration.seconds("database.health_check_period") or _USUAL_PROBE_PERIOD_S,
        connect_timeout_s=configuration.seconds("database.connect_timeout") or _USUAL_CONNECT_TIMEOUT_S,
        max_retries=configuration.integer("database.max_retries"),
        is_behind_pooler=not all(uri.keeps_statements for uri in (writer, reader) if uri),
    )


def _garbage_collection(configuration: Configuration) -> GarbageCollection | None:
    prefix = "database.garbage_collection"
    if not configuration.is_on(f"{prefix}.enabled"):
        return None
    return GarbageCollection(
        window_s=configuration.seconds(f"{prefix}.window"),
        interval_s=configuration.seconds(f"{prefix}.interval"),
        timeout_s=configuration.seconds(f"{prefix}.timeout"),
    )


def _auth_settings(configuration: Configuration) -> AuthSettings | None:
    if not configuration.is_on("authn.enabled"):
        return None
    if configuration.text("authn.method") == "preshared":
        return PresharedSettings(configuration.items("authn.preshared.keys"))
    return _oidc_settings(configuration)


def _oidc_settings(configuration: Configuration) -> OidcSettings:
    """A backoff_frequency of 0, which is the contract's default and stops Permify, spreads the tries evenly (W-4)."""
    tries = configuration.integer("authn.oidc.backoff_max_retries") + 1
    window_s = configuration.seconds("authn.oidc.backoff_interval")
    return OidcSettings(
        issuer=configuration.text("authn.oidc.issuer"),
        audience=configuration.text("authn.oidc.audience"),
        methods=frozenset(configuration.items("authn.oidc.valid_methods")),
        refresh_interval_s=configuration.seconds("authn.oidc.refresh_interval"),
        unknown_key_tries=tries,
        unknown_key_window_s=window_s,
        unknown_key_pause_s=configuration.seconds("authn.oidc.backoff_frequency") or window_s / tries,
        clock_skew_s=configuration.seconds("authn.oidc.clock_skew"),
    )


def _limit_settings(configuration: Configuration) -> LimitSettings:
    shared_in = configuration.text("server.rate_limit_redis")
    return LimitSettings(
        calls_per_s=configuration.integer("server.rate_limit"),
        calls_at_once=configuration.integer("server.max_concurrent_requests"),
        streams_at_once=configuration.integer("server.max_concurrent_streams"),
        shared_in=RedisServer.of(shared_in) if shared_in else None,
    )


def _rest_settings(configuration: Configuration) -> RestSettings | None:
    if not configuration.is_on("server.http.enabled"):
        return None
    return RestSettings(
        port=configuration.integer("server.http.port"),
        cors_origins=configuration.items("server.http.cors_allowed_origins"),
        cors_headers=configuration.items("server.http.cors_allowed_headers"),
    )


def _cluster_settings(configuration: Configuration) -> ClusterSettings | None:
    if not configuration.is_on("distributed.enabled"):
        return None
    access = cluster_access(configuration)
    return ClusterSettings(
        engine=configuration.text("distributed.address"),
        port=configuration.integer("distributed.port"),
        advertise=configuration.text("distributed.advertise"),
        zone=configuration.text("distributed.zone"),
        weight=configuration.integer("distributed.weight"),
        release=installed_version(),
        is_zonal=configuration.text("distributed.scope") == "zone",
        key=access.key,
        tls=access.tls,
        server_name=access.server_name,
    )


def _operations_settings(configuration: Configuration) -> OperationsSettings | None:
    if not configuration.is_on("metrics.enabled"):
        return None
    return OperationsSettings(configuration.integer("metrics.port"))


def _profiler_settings(configuration: Configuration) -> ProfilerSettings | None:
    if not configuration.is_on("profiler.enabled"):
        return None
    port = profiler_port(configuration.text("profiler.port"))
    return ProfilerSettings(port, configuration.text("profiler.token"))


def _telemetry_settings(configuration: Configuration) -> TelemetrySettings:
    traces = metrics = logs = None
    if configuration.is_on("tracer.enabled"):
        traces = TraceSettings(
            destination_of(configuration.values, "tracer"),
            configuration.text("tracer.service_name"),
            Sampler(configuration.text("tracer.sampler")),
            configuration.number("tracer.sample_ratio"),
        )
    if configuration.is_on("meter.enabled"):
        metrics = MeterSettings(
            destination_of(configuration.values, "meter"),
            configuration.text("meter.service_name"),
            configuration.number("meter.interval"),
        )
    if configuration.is_on("logger.enabled"):
        destination = destination_of(configuration.values, "logger")
        logs = LogSettings(destination, configuration.text("logger.service_name"))
    return TelemetrySettings(traces, metrics, logs, installed_version())


def _tls_settings(configuration: Configuration, prefix: str) -> TlsSettings | None:
    if not configuration.is_on(f"{prefix}.enabled"):
        return None
    client_ca = configuration.text(f"{prefix}.client_ca")
    return TlsSettings(
        cert=Path(configuration.text(f"{prefix}.cert")).expanduser(),
        key=Path(configuration.text(f"{prefix}.key")).expanduser(),
        client_ca=Path(client_ca).expanduser() if client_ca else None,
    )
