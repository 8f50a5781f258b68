"""Rules over the settings that say what is sent to collectors, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.settings import Value
from telemetry.destinations import BadValue, Destination, Given, Signal

SENT = {"tracer": Signal.TRACES, "meter": Signal.METRICS, "logger": Signal.LOGS}
"""What the groups of settings are about."""


def destination_of(values: Mapping[str, Value], group: str) -> Destination:
    """Where a group's signal is sent. Raises BadValue, naming the setting within the group."""
    headers = values[f"{group}.headers"]
    given = Given(
        exporter=str(values[f"{group}.exporter"]),
        endpoint=str(values[f"{group}.endpoint"]),
        is_insecure=values[f"{group}.insecure"] is True,
        urlpath=str(values[f"{group}.urlpath"]),
        headers=headers if isinstance(headers, tuple) else (),
        protocol=str(values[f"{group}.protocol"]),
    )
    return Destination.of(SENT[group], given)


def telemetry_problems(values: Mapping[str, Value], places: Mapping[str, str]) -> Iterator[str]:
    """Why no node should start with these values."""
    for group in SENT:
        if values[f"{group}.enabled"] is True:
            yield from _problems_of(values, places, group)
    ratio = values["tracer.sample_ratio"]
    if not (isinstance(ratio, int | float) and 0 <= ratio <= 1):
        yield f"{_place(places, 'tracer.sample_ratio')}: expected 0 to 1, got {ratio}"


def telemetry_warnings(values: Mapping[str, Value]) -> Iterator[str]:
    """What is given and has no effect."""
    for group in SENT:
        if values[f"{group}.enabled"] is not True and values[f"{group}.endpoint"]:
            yield f"{group}.endpoint: given, but {group}.enabled is false: nothing is sent"


def _problems_of(values: Mapping[str, Value], places: Mapping[str, str], group: str) -> Iterator[str]:
    try:
        destination_of(values, group)
    except BadValue as error:
        yield f"{_place(places, f'{group}.{error.name}')}: {error}"


def _place(places: Mapping[str, str], key: str) -> str:
    return f"{places[key]}: {key}" if key in places else key
