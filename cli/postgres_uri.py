"""The address of a PostgreSQL server as the configuration has it, which may carry options of Permify's driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, quote, urlencode

_SCHEMES = ("postgres", "postgresql")

_QUERY_MODES = ("cache_statement", "cache_describe", "describe_exec", "mode_exec", "simple_protocol")
_PLAN_MODES = ("auto", "force_custom_plan", "disable")

_EXTRAS = {"default_query_exec_mode": _QUERY_MODES, "plan_cache_mode": _PLAN_MODES}


class PostgresUri(NamedTuple):
    """An address without those options.

    keeps_statements: what default_query_exec_mode asks for; False behind pgbouncer in transaction mode and its like.
    plan_cache_mode is read and dropped, as our statements are written for one plan whatever the values.
    """

    uri: str
    keeps_statements: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address. Raises ValueError, saying what is accepted and never quoting the text, for any other."""
        scheme, mark, rest = text.partition("://")
        if not mark or scheme not in _SCHEMES or not rest:
            raise ValueError("expected postgres://user:password@host:port/database for the engine postgres")
        address, _, query = text.partition("?")
        if not all(map(_may_be_port, _ports(rest))):
            raise ValueError(
                "expected a port from 1 to 65535 after the colon of a host, and /, ?, # or @ in a password as "
                "%2F, %3F, %23 or %40, for the engine postgres"
            )
        options = parse_qsl(query, keep_blank_values=True)
        extras = {name: value for name, value in options if name in _EXTRAS}
        for name, value in extras.items():
            if value not in _EXTRAS[name]:
                raise ValueError(f"expected {name} to be {' or '.join(_EXTRAS[name])}")
        kept = urlencode([option for option in options if option[0] not in _EXTRAS], quote_via=quote, safe="/,")
        return cls(
            f"{address}?{kept}" if kept else address,
            keeps_statements=extras.get("default_query_exec_mode", "cache_statement") == "cache_statement",
        )


def _ports(rest: str) -> Iterator[str]:
    """What stands after the colon of each host that has one."""
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    for host in hosts.split(","):
        _, colon, port = host.rpartition("]")[2].rpartition(":")
        if colon:
            yield port


def _may_be_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_535)
