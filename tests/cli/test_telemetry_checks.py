"""Settings of what is sent to collectors: what they become, and what no node should start with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.config import Configuration, load_configuration, node_settings
from cli.version import installed_version
from telemetry.destinations import Destination, Wire
from telemetry.sampling import Sampler
from telemetry.settings import LogSettings, MeterSettings, TelemetrySettings, TraceSettings

GROUPS = ["tracer", "meter", "logger"]


def load(group: str, values: Mapping[str, str | list[str]], *, enabled: bool = True) -> Configuration:
    flags: dict[str, list[str]] = {
        f"{group}.{name}": [value] if isinstance(value, str) else value for name, value in values.items()
    }
    if enabled:
        flags[f"{group}.enabled"] = ["true"]
    return load_configuration(flags=flags, file=None, environment={"HOME": "/home/me"}, folder=Path("/nonexistent"))


def telemetry_of(group: str, values: Mapping[str, str | list[str]]) -> TelemetrySettings:
    return node_settings(load(group, values)).telemetry


def test_nothing_is_sent_unless_it_is_asked_for() -> None:
    configuration = load("tracer", {}, enabled=False)
    assert node_settings(configuration).telemetry == TelemetrySettings(release=installed_version())


def test_everything_about_traces_reaches_the_node() -> None:
    values: dict[str, str | list[str]] = {
        "exporter": "otlp",
        "endpoint": "collector:4317",
        "insecure": "true",
        "headers": ["x-scope:t1", "authorization:Bearer a:b"],
        "protocol": "grpc",
        "service_name": "shop",
        "sampler": "RATIO",
        "sample_ratio": "0.25",
    }
    headers = {"x-scope": "t1", "authorization": "Bearer a:b"}
    there = Destination(Wire.OTLP_GRPC, "collector:4317", is_encrypted=False, headers=headers)
    assert telemetry_of("tracer", values).traces == TraceSettings(there, "shop", Sampler.RATIO, 0.25)


def test_an_endpoint_is_all_that_traces_need_and_every_call_is_traced() -> None:
    there = Destination(Wire.OTLP_HTTP, "https://collector:4318/v1/traces", is_encrypted=True, headers={})
    expected = TraceSettings(there, "ringward", Sampler.PARENT, 1.0)
    assert telemetry_of("tracer", {"endpoint": "collector:4318"}).traces == expected


def test_metrics_and_logs_have_ways_of_their_own() -> None:
    values: dict[str, str | list[str]] = {"endpoint": "http://c:4318", "service_name": "shop"}
    to_metrics = Destination(Wire.OTLP_HTTP, "http://c:4318/v1/metrics", is_encrypted=False, headers={})
    to_logs = Destination(Wire.OTLP_HTTP, "http://c:4318/my/logs", is_encrypted=False, headers={})
    assert telemetry_of("meter", values | {"interval": "7"}).metrics == MeterSettings(to_metrics, "shop", 7.0)
    assert telemetry_of("logger", values | {"urlpath": "/my/logs"}).logs == LogSettings(to_logs, "shop")


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({}, "endpoint: must be given"),
    ({"endpoint": "ftp://c"}, "endpoint: expected host:port, or a URL of http or https, got 'ftp://c'"),
    ({"exporter": "smoke"}, "exporter: expected one of otlp, otlp-http, otlp-grpc, gcp"),
    (
        {"exporter": "gcp"},
        "exporter: Google Cloud is not spoken to directly, got 'gcp'; run an OpenTelemetry collector",
    ),
    ({"protocol": "udp"}, "protocol: expected http or grpc, got 'udp'"),
    ({"headers": ["hush"]}, "headers: expected name:value each"),
    ({"endpoint": "https://c", "insecure": "true"}, "insecure: must be false"),
]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(("values", "problem"), PROBLEMS)
def test_a_value_of_no_use_is_named_with_its_place(group: str, values: dict[str, Any], problem: str) -> None:
    whole = values if not values or "endpoint" in values else values | {"endpoint": "c:4318"}
    (found,) = load(group, whole).problems
    assert f"{group}.{problem}" in found
    assert "hush" not in found
    if (key := problem.partition(":")[0]) in whole:
        flag = f"{group}.{key}".replace("logger.", "log.").replace(".", "-").replace("_", "-")
        assert found.startswith(f"--{flag}: ")


@pytest.mark.parametrize("ratio", ["-0.1", "1.5"])
def test_a_ratio_is_a_part_of_the_whole(ratio: str) -> None:
    (found,) = load("tracer", {"endpoint": "c:4318", "sample_ratio": ratio}).problems
    assert f"tracer.sample_ratio: expected 0 to 1, got {ratio}" in found


def test_a_sampler_is_one_of_those_there_are() -> None:
    (found,) = load("tracer", {"endpoint": "c:4318", "sampler": "sometimes"}).problems
    assert "tracer.sampler: expected parent or ratio or always or never, got 'sometimes'" in found


@pytest.mark.parametrize("group", GROUPS)
def test_an_endpoint_nothing_is_sent_to_warns(group: str) -> None:
    configuration = load(group, {"endpoint": "c:4318"}, enabled=False)
    assert configuration.problems == ()
    (warning,) = [text for text in configuration.warnings if group in text]
    assert f"{group}.endpoint: given, but {group}.enabled is false: nothing is sent" in warning


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_off_may_say_anything(group: str) -> None:
    assert load(group, {"exporter": "gcp", "headers": ["nonsense"]}, enabled=False).problems == ()
