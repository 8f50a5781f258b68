"""The configuration: who wins, what is refused, and what the node is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api.operations.settings import OperationsSettings, ProfilerSettings
from api.rest.settings import RestSettings
from api.rpc.watch import WatchSettings
from cli.config import Configuration, InvalidConfiguration, Source, load_configuration, node_settings
from cli.settings import Kind, Setting
from cli.settings_table import SETTINGS, SETTINGS_BY_KEY
from node.settings import DatabaseEngine, GarbageCollection, NodeSettings
from storage.postgres.settings import PostgresSettings

COLLECTION = "database.garbage_collection"


def load(
    flags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    folder: Path = Path("/nonexistent"),
) -> Configuration:
    return load_configuration(
        flags={key: [text] for key, text in (flags or {}).items()},
        environment={"HOME": "/home/me", **(environment or {})},
        file=file,
        folder=folder,
    )


def write_file(folder: Path, texts: Mapping[str, str | list[str]]) -> Path:
    tree: dict[str, Any] = {}
    for key, text in texts.items():
        *sections, name = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = text
    path = folder / "given.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def other_text(setting: Setting) -> str:
    """A text for the setting that is good and not its default."""
    if setting.choices:
        return setting.choices[-1]
    samples = {Kind.SWITCH: "false", Kind.DURATION: "7m0s", Kind.SIZE: "7MiB", Kind.NUMBER: "7.5"}
    if setting.key in ("server.http.enabled", "database.auto_migrate"):
        return "false"
    return "true" if setting.kind is Kind.SWITCH else samples.get(setting.kind, "7")


@pytest.mark.parametrize("prefix", ["RINGWARD_", "PERMIFY_"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_reached_by_variable(setting: Setting, prefix: str) -> None:
    text = other_text(setting)
    configuration = load(environment={f"{prefix}{setting.env_suffix}": text})

    assert configuration.values[setting.key] == setting.parse(text) != setting.default_value
    assert configuration.origins[setting.key].place == f"{prefix}{setting.env_suffix}"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_reached_by_file(setting: Setting, tmp_path: Path) -> None:
    text = other_text(setting)
    configuration = load(file=write_file(tmp_path, {setting.key: text}))

    assert configuration.values[setting.key] == setting.parse(text)
    assert configuration.origins[setting.key].source is Source.FILE
    assert configuration.origins[setting.key].place.startswith(f"{tmp_path}/given.yaml:")


def test_a_list_in_a_file_may_be_a_list(tmp_path: Path) -> None:
    file = write_file(tmp_path, {"authn.oidc.valid_methods": ["A", "B"]})
    assert load(file=file).values["authn.oidc.valid_methods"] == ("A", "B")


@given(
    ports=st.lists(st.integers(1, 65535), min_size=3, max_size=3, unique=True), given_by=st.sets(st.sampled_from("fev"))
)
def test_flag_wins_over_variable_over_file_over_default(
    tmp_path_factory: pytest.TempPathFactory, ports: list[int], given_by: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("precedence")
    by_flag, by_variable, by_file = (str(port) for port in ports)
    configuration = load(
        flags={"server.grpc.port": by_flag} if "f" in given_by else {},
        environment={"RINGWARD_GRPC_PORT": by_variable} if "e" in given_by else {},
        file=write_file(folder, {"server.grpc.port": by_file}) if "v" in given_by else None,
    )
    expected = next((ports[index] for index, source in enumerate("fev") if source in given_by), 3478)

    assert configuration.integer("server.grpc.port") == expected


def test_config_yaml_is_read_where_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("server:\n  host: 10.1.1.1\n", encoding="utf-8")
    named = write_file(tmp_path, {"server.grpc.port": "4000"})

    assert load(folder=tmp_path).text("server.host") == "10.1.1.1"
    assert load(folder=tmp_path, file=named).text("server.host") == ""


def test_without_any_word_a_node_keeps_its_data_in_the_users_data_folder() -> None:
    configuration = load()

    assert configuration.problems == ()
    assert configuration.warnings == ()
    settings = node_settings(configuration)
    assert settings.grpc_port == 3478
    assert settings.database.engine is DatabaseEngine.SQLITE
    assert settings.database.path == Path("/home/me/.local/share/ringward/ringward.db")
    assert settings.database.garbage_collection is None
    assert not settings.watch.enabled


@pytest.mark.parametrize(
    ("data_home", "path"),
    [("/data", "/data/ringward/ringward.db"), ("relative", "/home/me/.local/share/ringward/ringward.db")],
)
def test_the_data_folder_may_be_elsewhere(data_home: str, path: str) -> None:
    assert node_settings(load(environment={"XDG_DATA_HOME": data_home})).database.path == Path(path)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("data/x.db", "data/x.db"),
        ("/var/x.db", "/var/x.db"),
        ("sqlite:///var/x.db", "/var/x.db"),
        ("sqlite:////var/a%20b.db", "/var/a b.db"),
        ("~/x.db", str(Path.home() / "x.db")),
    ],
)
def test_the_database_file_is_a_path_or_an_sqlite_address(uri: str, path: str) -> None:
    assert node_settings(load({"database.uri": uri})).database.path == Path(path)


@pytest.mark.parametrize(
    "uri", ["postgres://u:hush@h/d", "sqlite://x.db", "sqlite:///", "sqlite:///x?mode=ro", ":memory:"]
)
def test_the_address_of_another_database_is_refused_without_telling_it(uri: str) -> None:
    (problem,) = load({"database.uri": uri}).problems
    assert problem.startswith("--database-uri: database.uri: ")
    assert "hush" not in problem


def test_a_whole_configuration_reaches_the_node() -> None:
    configuration = load(
        {
            "server.host": "127.0.0.1",
            "server.grpc.port": "0",
            "service.schema.cache.number_of_counters": "7",
            "database.engine": "memory",
            "database.max_data_per_write": "5",
            "database.watch_buffer_size": "50",
            "service.watch.enabled": "true",
            "service.watch.heartbeat_interval": "10s",
            "service.watch.stall_timeout": "1m",
            f"{COLLECTION}.enabled": "true",
            f"{COLLECTION}.interval": "1h",
            f"{COLLECTION}.timeout": "5m",
            f"{COLLECTION}.window": "200h",
        }
    )
    settings = node_settings(configuration)

    assert (settings.host, settings.grpc_port, settings.schema_cache_entries) == ("127.0.0.1", 0, 7)
    assert settings.database.engine is DatabaseEngine.MEMORY
    assert settings.database.max_data_per_write == 5
    assert settings.database.watch_buffer_size == 50
    assert settings.watch == WatchSettings(enabled=True, heartbeat_interval_s=10, stall_timeout_s=60)
    assert settings.database.garbage_collection == GarbageCollection(window_s=720_000, interval_s=3600, timeout_s=300)
    assert settings.max_message_bytes == NodeSettings().max_message_bytes


def test_collection_names_what_it_misses() -> None:
    configuration = load({f"{COLLECTION}.enabled": "true", f"{COLLECTION}.interval": "1h"})
    assert configuration.problems == (
        f"{COLLECTION}.window: must be given and above 0s, since {COLLECTION}.enabled is true",
        f"{COLLECTION}.timeout: must be given and above 0s, since {COLLECTION}.enabled is true",
    )


REFUSED = ["service.circuit_breaker"]


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_obeyed_yet_is_refused_when_switched_on_and_fine_when_off(key: str) -> None:
    (problem,) = load({key: "true"}).problems
    assert f"{key}: not available in this version; refusing to start" in problem
    assert load({key: "false"}).problems == ()


def test_authentication_is_never_silently_off() -> None:
    (problem,) = load({"authn.enabled": "1"}).problems
    assert problem.startswith("authn.method: expected preshared or oidc, since authn.enabled is true")


def test_postgres_needs_an_address_of_its_own_kind_and_no_problem_quotes_it() -> None:
    engine = {"database.engine": "postgres"}
    assert load(engine).problems == (
        "database.uri: must be given (or database.writer.uri), since database.engine is postgres",
    )
    for key in ("database.uri", "database.writer.uri"):
        (problem,) = load({**engine, key: "mysql://me:hush@host/db"}).problems
        assert problem.startswith(f"--{key.replace('.', '-')}: {key}: expected postgres://")
        assert "hush" not in problem


def test_postgres_as_it_comes_has_the_contracts_connections() -> None:
    database = node_settings(load({"database.engine": "postgres", "database.uri": "postgres://h/d"})).database

    assert database.engine is DatabaseEngine.POSTGRES
    assert database.auto_migrate
    assert database.postgres == PostgresSettings(
        "postgres://h/d",
        least_connections=1,
        most_connections=20,
        lifetime_s=300,
        lifetime_jitter_s=60,
        idle_s=60,
        connect_timeout_s=5,
        max_retries=10,
    )


def test_postgres_is_told_everything_that_is_configured() -> None:
    told = {
        "database.engine": "postgres",
        "database.writer.uri": "postgres://w/d?default_query_exec_mode=simple_protocol",
        "database.reader.uri": "postgres://r/d?sslmode=require&plan_cache_mode=disable",
        "database.auto_migrate": "false",
        "database.max_connections": "40",
        "database.min_connections": "4",
        "database.max_connection_lifetime": "10m",
        "database.max_connection_lifetime_jitter": "1m",
        "database.max_connection_idle_time": "2m",
        "database.connect_timeout": "3s",
        "database.max_retries": "0",
    }
    database = node_settings(load(told)).database

    assert load(told).warnings == ()
    assert not database.auto_migrate
    assert database.postgres == PostgresSettings(
        "postgres://w/d",
        reader_uri="postgres://r/d?sslmode=require",
        least_connections=4,
        most_connections=40,
        lifetime_s=600,
        lifetime_jitter_s=60,
        idle_s=120,
        connect_timeout_s=3,
        max_retries=0,
        is_behind_pooler=True,
    )


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ({"max_open_connections": "7"}, 1, 7),
        ({"max_open_connections": "0"}, 1, 20),
        ({"max_connections": "9", "max_open_connections": "7"}, 1, 9),
        ({"max_idle_connections": "3"}, 3, 20),
        ({"min_idle_connections": "5"}, 5, 20),
        ({"min_connections": "2", "max_idle_connections": "3", "min_idle_connections": "0"}, 2, 20),
        ({"min_connections": "50", "max_connections": "10"}, 10, 10),
    ],
)
def test_numbers_of_connections_stand_in_for_each_other(told: Mapping[str, str], least: int, most: int) -> None:
    given_keys = {f"database.{name}": text for name, text in told.items()}
    postgres = node_settings(
        load({"database.engine": "postgres", "database.uri": "postgres://h/d", **given_keys})
    ).database.postgres
    assert postgres is not None
    assert (postgres.least_connections, postgres.most_connections) == (least, most)


def test_a_lifetime_of_zero_is_for_ever() -> None:
    told = {"database.max_connection_lifetime": "0s", "database.max_connection_idle_time": "0s"}
    postgres = node_settings(
        load({"database.engine": "postgres", "database.uri": "postgres://h/d", **told})
    ).database.postgres
    assert postgres is not None
    assert min(postgres.lifetime_s, postgres.idle_s) > 86400 * 365


def test_what_counts_for_another_engine_or_another_address_is_ignored_with_a_warning() -> None:
    assert load({"database.max_connections": "5", "database.auto_migrate": "true"}).warnings == (
        "--database-max-connections: database.max_connections: ignored, since database.engine is sqlite",
    )
    both = {"database.engine": "postgres", "database.uri": "postgres://h/d", "database.reader.uri": "postgres://r/d"}
    assert load(both).warnings == ("--database-reader-uri: database.reader.uri: ignored, since database.uri is given",)


def test_rest_is_served_as_it_is_told_or_not_at_all() -> None:
    told = {
        "server.http.port": "1234",
        "server.http.cors_allowed_origins": "https://a.example,https://b.example",
        "server.http.cors_allowed_headers": "authorization",
    }
    assert node_settings(load(told)).http == RestSettings(
        1234, ("https://a.example", "https://b.example"), ("authorization",)
    )
    assert node_settings(load({})).http == RestSettings(3476, ("*",), ("*",))
    assert node_settings(load({"server.http.enabled": "false"})).http is None


def test_the_address_of_a_gateway_that_is_not_there_is_ignored_with_a_warning() -> None:
    (warning,) = load({"server.http.grpc_target_host": "127.0.0.1"}).warnings
    assert "server.http.grpc_target_host: ignored" in warning


def test_a_setting_without_effect_warns_unless_it_says_the_default() -> None:
    assert load({"distributed.picker_width": "0"}).warnings == ()
    assert load({"distributed.picker_width": "2"}).warnings == (
        "--distributed-picker-width: distributed.picker_width: has no effect in this version",
    )
    assert "ignored" in load({"database.engine": "memory", "database.uri": "x"}).warnings[0]


def test_a_heartbeat_too_slow_for_the_window_of_collection_warns() -> None:
    collected = {f"{COLLECTION}.{name}": "1m" for name in ("interval", "timeout", "window")}
    given = {**collected, f"{COLLECTION}.enabled": "true", "service.watch.heartbeat_interval": "31s"}
    (warning,) = load({**given, "service.watch.enabled": "true"}).warnings
    assert "service.watch.heartbeat_interval: more than half" in warning
    assert load(given).warnings == ()
    assert load({**given, "service.watch.enabled": "true", "service.watch.heartbeat_interval": "30s"}).warnings == ()


def test_all_problems_are_told_at_once_with_key_value_source_and_what_is_accepted(tmp_path: Path) -> None:
    slow = "database.connect_timeout"
    configuration = load(
        flags={"logger.level": "loud"},
        environment={"RINGWARD_GRPC_PORT": "many", "RINGWARD_HOST": "x"},
        file=write_file(tmp_path, {slow: "5 min", "tracer.enabled": "yes"}),
    )
    path = f"{tmp_path}/given.yaml"

    assert sorted(configuration.problems) == sorted(
        [
            "--log-level: logger.level: expected debug or info or warn or error, got 'loud'",
            "RINGWARD_GRPC_PORT: server.grpc.port: expected a port from 0 to 65535, got 'many'",
            "RINGWARD_HOST: unknown environment variable; did you mean RINGWARD_SERVER_HOST?",
            f"{path}:2: {slow}: expected a duration with units, such as 30s, 15m or 1h30m, not negative, got '5 min'",
            f"{path}:4: tracer.enabled: expected true or false (also 1, 0, t, f), got 'yes'",
        ]
    )
    with pytest.raises(InvalidConfiguration) as raised:
        node_settings(configuration)
    assert raised.value.problems == configuration.problems


def test_a_bad_secret_is_not_repeated(tmp_path: Path) -> None:
    file = write_file(tmp_path, {"database.uri": ["hush", "hush"]})
    (problem,) = load(file=file).problems
    assert "hush" not in problem


def test_a_bad_value_does_not_fall_through_to_a_weaker_source() -> None:
    configuration = load({"server.grpc.port": "x"}, {"RINGWARD_GRPC_PORT": "4000"})
    assert configuration.integer("server.grpc.port") == 3478


def test_asking_for_a_number_where_there_is_none_is_a_bug() -> None:
    with pytest.raises(TypeError, match=r"server\.host"):
        load().integer("server.host")
    assert SETTINGS_BY_KEY["server.host"].kind is Kind.TEXT


# --- operations ---


def test_metrics_and_profiles_are_served_only_if_they_are_asked_for() -> None:
    settings = node_settings(load({}))
    assert (settings.operations, settings.profiler) == (None, None)


def test_metrics_are_served_where_they_are_wanted() -> None:
    assert node_settings(load({"metrics.enabled": "true"})).operations == OperationsSettings(9464)
    given = load({"metrics.enabled": "true", "metrics.port": "0"})
    assert node_settings(given).operations == OperationsSettings(0)


def test_a_profiler_without_a_port_is_where_gos_is() -> None:
    assert node_settings(load({"profiler.enabled": "true"})).profiler == ProfilerSettings(6060, "")
    given = load({"profiler.enabled": "true", "profiler.port": "7000", "profiler.token": "hush-hush"})
    assert node_settings(given).profiler == ProfilerSettings(7000, "hush-hush")
    assert "hush" not in repr(node_settings(given))


@pytest.mark.parametrize("port", ["x", ":6060", "65536", "-1"])
def test_a_port_of_the_profiler_that_is_none_is_refused(port: str) -> None:
    (problem,) = load({"profiler.port": port}).problems
    assert "profiler.port: expected a port from 0 to 65535" in problem
    assert repr(port) in problem
