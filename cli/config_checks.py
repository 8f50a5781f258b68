"""Rules over the whole configuration: what this version cannot obey, and what must be given together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cli.cluster_checks import cluster_problems, cluster_warnings
from cli.postgres_uri import PostgresUri
from cli.security_checks import security_problems, security_warnings
from cli.settings import Value
from cli.settings_table import SETTINGS, SETTINGS_BY_KEY
from cli.telemetry_checks import telemetry_problems, telemetry_warnings
from cli.text_forms import parse_port

_ADDRESSES = ("database.uri", "database.writer.uri", "database.reader.uri")

_FOR_POSTGRES = (
    *_ADDRESSES[1:],
    "database.auto_migrate",
    "database.max_connections",
    "database.max_open_connections",
    "database.max_idle_connections",
    "database.max_connection_lifetime",
    "database.max_connection_idle_time",
    "database.min_connections",
    "database.min_idle_connections",
    "database.max_connection_lifetime_jitter",
    "database.connect_timeout",
    "database.max_retries",
)


def check_together(values: Mapping[str, Value], places: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Problems and warnings about parsed values. places: where each value that is not a default was given."""
    problems = [
        *_refusals(values, places),
        *_database_problems(values, places),
        *_collection_problems(values),
        *security_problems(values),
        *cluster_problems(values),
        *telemetry_problems(values, places),
        *_profiler_problems(values, places),
    ]
    warnings = [
        *_warnings(values, places),
        *security_warnings(values),
        *cluster_warnings(values),
        *telemetry_warnings(values),
    ]
    return problems, warnings


def sqlite_path(uri: str) -> Path:
    """The file that ``database.uri`` names: a path, or ``sqlite:///absolute/path``; ``~`` is the home folder.

    Raises ValueError, saying what is accepted, for addresses of other databases.
    """
    if uri == ":memory:":
        raise ValueError("for a database without a file set database.engine to memory")
    if "://" not in uri:
        return Path(uri).expanduser()
    parts = urlsplit(uri)
    if parts.scheme != "sqlite" or parts.netloc or not parts.path.strip("/") or parts.query:
        raise ValueError("expected a file path or sqlite:///absolute/path for the engine sqlite")
    return Path("/" + unquote(parts.path).lstrip("/"))


def profiler_port(text: str) -> int:
    """The port of the profiler; none given means Go's custom. Raises ValueError for what is no port."""
    return parse_port(text or "6060")


def _profiler_problems(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    text = str(values["profiler.port"])
    try:
        profiler_port(text)
    except ValueError as error:
        yield f"{places.get('profiler.port', 'default')}: profiler.port: {error}, got {text!r}"


def _refusals(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    for setting in SETTINGS:
        if setting.refusal and values[setting.key] is True:
            yield f"{places[setting.key]}: {setting.key}: not available in this version; {setting.refusal}"


def _database_problems(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    engine = values["database.engine"]
    if engine == "postgres":
        yield from _postgres_problems(values, places)
    if engine == "sqlite":
        try:
            sqlite_path(str(values["database.uri"]))
        except ValueError as error:
            yield f"{places.get('database.uri', 'default')}: database.uri: {error}"


def _postgres_problems(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    if not values["database.uri"] and not values["database.writer.uri"]:
        yield "database.uri: must be given (or database.writer.uri), since database.engine is postgres"
    for key in _ADDRESSES:
        if values[key]:
            try:
                PostgresUri.parse(str(values[key]))
            except ValueError as error:
                yield f"{places[key]}: {key}: {error}"


def _database_warnings(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    engine = values["database.engine"]
    if engine == "memory" and "database.uri" in places:
        yield f"{places['database.uri']}: database.uri: ignored, since database.engine is memory"
    if engine == "postgres" and values["database.uri"]:
        for key in _ADDRESSES[1:]:
            if values[key]:
                yield f"{places[key]}: {key}: ignored, since database.uri is given"
    if engine != "postgres":
        for key in _FOR_POSTGRES:
            if key in places and values[key] != SETTINGS_BY_KEY[key].default_value:
                yield f"{places[key]}: {key}: ignored, since database.engine is {engine}"


def _collection_problems(values: Mapping[str, Value]) -> Iterator[str]:
    prefix = "database.garbage_collection"
    if values[f"{prefix}.enabled"] is True:
        for name in ("interval", "window", "timeout"):
            if not values[f"{prefix}.{name}"]:
                yield f"{prefix}.{name}: must be given and above 0s, since {prefix}.enabled is true"


def _watch_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    window, interval = values["database.garbage_collection.window"], values["service.watch.heartbeat_interval"]
    both_on = values["service.watch.enabled"] is True and values["database.garbage_collection.enabled"] is True
    if both_on and isinstance(window, float) and isinstance(interval, float) and window < 2 * interval:
        yield (
            "service.watch.heartbeat_interval: more than half of database.garbage_collection.window, so idle watchers"
            " may lose their place"
        )


def _warnings(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    if "server.http.grpc_target_host" in places:
        place = places["server.http.grpc_target_host"]
        yield f"{place}: server.http.grpc_target_host: ignored, since REST is answered without a hop over gRPC"
    yield from _database_warnings(values, places)
    yield from _watch_warnings(values)
    for key, place in places.items():
        setting = SETTINGS_BY_KEY[key]
        has_its_own_word = setting.works or setting.refusal or key == "server.http.grpc_target_host"
        if not has_its_own_word and values[key] != setting.default_value:
            yield f"{place}: {key}: has no effect in this version"
