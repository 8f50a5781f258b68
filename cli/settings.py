"""What a setting is: its names in file, environment and flags, its kind, and how its value is read and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cli.text_forms import (
    parse_boolean,
    parse_duration,
    parse_integer,
    parse_list,
    parse_number,
    parse_port,
    parse_size,
    print_duration,
    print_size,
)

Value = str | int | float | tuple[str, ...]


class Kind(Enum):
    """The kinds of values; the text is what ``--help`` shows as placeholder."""

    TEXT = "TEXT"
    SWITCH = "BOOL"
    INTEGER = "INT"
    NUMBER = "FLOAT"
    PORT = "PORT"
    DURATION = "DURATION"
    SIZE = "SIZE"
    LIST = "A,B,…"


class Secrecy(Enum):
    """How much of a value may be shown: all, only its ends, or a path or an address without a part for secrets."""

    OPEN = "open"
    WHOLE = "whole"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration.

    default: in text form. flag and env: given only where they do not follow from the key. choices: the only texts
    accepted, in lower case, if any. least: the smallest number accepted. works: this version obeys it.
    refusal: why a node must not start when the setting is switched on and cannot be obeyed; empty if it may.
    """

    key: str
    kind: Kind
    default: str
    help: str
    flag: str = ""
    env: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    secrecy: Secrecy = Secrecy.OPEN
    works: bool = False
    refusal: str = ""

    @property
    def flag_name(self) -> str:
        """The long option without dashes: the key, with ``log`` for logger and without ``server`` for listeners."""
        if self.flag:
            return self.flag
        shortened = (
            self.key.removeprefix("server.") if self.key.startswith(("server.grpc.", "server.http.")) else self.key
        )
        return shortened.replace("logger.", "log.").replace(".", "-").replace("_", "-")

    @property
    def env_suffix(self) -> str:
        """The name of the environment variable after ``RINGWARD_``: the flag in capitals, if not given."""
        return self.env or self.flag_name.upper().replace("-", "_")

    @property
    def default_value(self) -> Value:
        """The default, parsed."""
        return self.parse(self.default)

    def parse(self, text: str | tuple[str, ...]) -> Value:
        """The value of a text, or of a list's items. Raises ValueError saying what is accepted."""
        if isinstance(text, tuple):
            if self.kind is not Kind.LIST:
                raise ValueError("expected one value, not a list")
            return text
        if self.choices:
            return self._choose(text)
        value = _PARSERS[self.kind](text)
        if self.least is not None and isinstance(value, int | float) and value < self.least:
            raise ValueError(f"expected at least {self.print(self.least)}")
        return value

    def _choose(self, text: str) -> str:
        if text.lower() not in self.choices:
            raise ValueError(f"expected {' or '.join(choice or 'nothing' for choice in self.choices)}")
        return text.lower()

    def print(self, value: Value) -> str:
        """The text form of a value, which parses to the same value."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, tuple):
            return ",".join(value)
        if self.kind is Kind.DURATION:
            return print_duration(float(value))
        if self.kind is Kind.SIZE:
            return print_size(int(value))
        return str(value)

    def show(self, value: Value) -> str:
        """The text form for people to see; of a secret no more than its first and last character."""
        text = self.print(value)
        is_hidden = self.secrecy is Secrecy.WHOLE or (self.secrecy is Secrecy.ADDRESS and _may_hold_secret(text))
        return mask(text) if is_hidden else text


def mask(secret: str) -> str:
    """First and last character around four stars, whatever the length; only stars for what is shorter than eight."""
    if not secret:
        return ""
    return f"{secret[0]}****{secret[-1]}" if len(secret) >= 8 else "****"


def _may_hold_secret(address: str) -> bool:
    return any(mark in address for mark in ("@", "?", "="))


_PARSERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.SWITCH: parse_boolean,
    Kind.INTEGER: parse_integer,
    Kind.NUMBER: parse_number,
    Kind.PORT: parse_port,
    Kind.DURATION: parse_duration,
    Kind.SIZE: parse_size,
    Kind.LIST: parse_list,
}
