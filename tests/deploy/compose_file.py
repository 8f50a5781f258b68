"""``deploy/compose.yaml`` as an engine reads it: variables put in, services with all that anchors say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy"
FILE = FOLDER / "compose.yaml"
NODES = ("node-1", "node-2", "node-3")

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<mark>[-?])(?P<rest>[^}]*))?\})")


class Missing(Exception):
    """A variable that must be given is not; the text is what the file says of it."""


@dataclass(frozen=True)
class Mount:
    """What a service sees of this machine. source: here; target: there."""

    source: Path
    target: str


class Service:
    """One of the file. given: what stands there, variables put in."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        self.name = name
        self.given = given

    @property
    def command(self) -> Sequence[str]:
        return list(map(str, self.given.get("command", ())))

    @property
    def environment(self) -> Mapping[str, str]:
        return {name: str(value) for name, value in self.given.get("environment", {}).items()}

    @property
    def health_command(self) -> Sequence[str]:
        """Empty for none."""
        kind, *words = self.given.get("healthcheck", {}).get("test", ["NONE"])
        assert kind in ("CMD", "NONE")
        return list(map(str, words))

    @property
    def mounts(self) -> Sequence[Mount]:
        """Files and folders of the repository."""
        pairs = [volume.split(":") for volume in self.given.get("volumes", ()) if volume.startswith(".")]
        assert all(mode == ["ro"] for _, _, *mode in pairs)
        return [Mount((FOLDER / source).resolve(), target) for source, target, _ in pairs]


def services(variables: Mapping[str, str]) -> Mapping[str, Service]:
    """Those of the file. Raises Missing."""
    given = _put_in(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    return {name: Service(name, service) for name, service in given["services"].items()}


def example() -> Mapping[str, str]:
    """What ``env.example`` asks for, with a secret for each that is empty there."""
    lines = (FOLDER / "env.example").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value or f"secret-of-{name.lower().replace('_', '-')}" for name, value in pairs}


def _put_in(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {name: _put_in(item, variables) for name, item in value.items()}
        case list():
            return [_put_in(item, variables) for item in value]
        case str():
            return _VARIABLE.sub(lambda match: _value_of(match, variables), value)
        case _:
            return value


def _value_of(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    if found := variables.get(match["name"]):
        return found
    if match["mark"] == "-":
        return match["rest"]
    raise Missing(f"{match['name']}: {match['rest']}")
