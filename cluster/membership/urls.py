"""URLs that name engines outside of us (``--distributed-address``), read strictly and shown without their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from model.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class EngineUrl:
    """``scheme://user:password@authority/path?option=value&…``, cut into its parts; all but the first may be empty.

    shown: the URL as it may be shown, and all that text and repr tell: neither user nor password nor options. What is
    percent-encoded has been decoded; ``path`` has no leading slash.
    """

    shown: str
    scheme: str = field(repr=False)
    authority: str = field(repr=False)
    path: str = field(repr=False)
    options: Mapping[str, str] = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def parse(cls, text: str) -> EngineUrl:
        """Raises Misconfigured, naming the URL without its secrets, for a text of any other form."""
        shown = shown_form(text)
        match = _URL.fullmatch(text)
        if match is None:
            raise Misconfigured(f"{shown!r}: expected scheme://address")
        user, _, password = (match["user"] or "").partition(":")
        return cls(
            shown=shown,
            scheme=match["scheme"].lower(),
            authority=match["authority"],
            path=unquote((match["path"] or "").removeprefix("/")),
            options=_options(match["query"], shown),
            user=unquote(user),
            password=unquote(password),
        )

    def refusal(self, reason: str) -> Misconfigured:
        """The error that says why this URL cannot be used; the reason must quote no secret."""
        return _refusal(self.shown, reason)

    def allow_only(self, *names: str) -> None:
        """Raises Misconfigured if there is an option of another name."""
        for name in self.options:
            if name not in names:
                raise self.refusal(
                    f"unknown option {name!r}; {'known: ' + ', '.join(names) if names else 'it has none'}"
                )

    def choice(self, name: str, *values: str) -> str:
        """The option, which is one of the values, the first where it is not given. Raises Misconfigured for another."""
        value = self.options.get(name, values[0])
        if value not in values:
            raise self.refusal(f"{name} is {value!r}; expected {' or '.join(values)}")
        return value

    def address(self, text: str, *, port: int | None = None) -> tuple[str, int]:
        """Host and port of ``host:port``, a part of this URL; the host without the brackets of IPv6.

        port: where none is given. Raises Misconfigured for what is no such address.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or (match["port"] is None and port is None):
            raise self.refusal(f"expected host:port, got {text!r}")
        number = int(match["port"] or port or 0)
        if not 0 < number < 1 << 16:
            raise self.refusal(f"expected a port from 1 to 65535, got {text!r}")
        return match["host"].strip("[]"), number


def shown_form(text: str) -> str:
    """A URL, or what was meant to be one, as it may be shown: no user, no password, no options.

    Rather too little than too much is shown: a password may hold what looks like the end of the authority.
    """
    scheme, head, mark, tail = _PARTS.fullmatch(text).groups()  # type: ignore[union-attr]  # any text has these
    if "@" in tail:
        return f"{scheme}…"
    return f"{scheme}{head.rpartition('@')[2]}{'?…' if mark else ''}"


def joined_address(host: str, port: int) -> str:
    """``host:port``, the host in brackets where it is one of IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_PARTS = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://)?)([^?#]*)([?#]?)(.*)", re.DOTALL)
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^@?#]*)@)?(?P<authority>[^/?#@]*)(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?"
)
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_OPTION = re.compile(r"(?P<name>[a-z_]+)=(?P<value>.*)", re.DOTALL)


def _options(query: str | None, shown: str) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for text in query.split("&") if query else ():
        match = _OPTION.fullmatch(text)
        if match is None:  # not quoted, as it may be part of a key
            raise _refusal(shown, "an option is not of the form name=value; write & in a value as %26")
        if match["name"] in options:
            raise _refusal(shown, f"the option {match['name']!r} is given twice")
        options[match["name"]] = unquote(match["value"])
    return options


def _refusal(shown: str, reason: str) -> Misconfigured:
    return Misconfigured(f"{shown}: {reason}")
