"""The call that is being answered, as logs and other nodes name it: by its request id.

A client may give the id (``x-request-id``); if it does not, one is made when somebody first wants to know it, which for
most calls nobody does.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from typing import Protocol

REQUEST_ID = "x-request-id"
"""The header, and the metadata, that has it."""

MOST_CHARACTERS = 128
"""Of an id given by a client; a longer one is not taken for one."""


class RequestIds:
    """Makes ids: a random part for the process, then a number."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(5)
        self._numbers = count(1)

    def __call__(self) -> str:
        """The next id."""
        return f"{self._process}-{next(self._numbers)}"


class Head(Protocol):
    """What is known of a call when it begins."""

    def header(self, name: str) -> str | None:
        """A header or value of metadata, by its name in small letters."""


class Served:
    """A call from when it comes in. makes: gives an id where the client gave none.

    traceparent, tracestate: of another node, which asks for a call it traces; empty otherwise.
    """

    __slots__ = ("_head", "_id", "_makes")

    traceparent: str = ""
    tracestate: str = ""

    def __init__(self, head: Head | None, makes: Callable[[], str] | None) -> None:
        self._head = head
        self._makes = makes
        self._id = ""

    @staticmethod
    def elsewhere(request_id: str, traceparent: str, tracestate: str) -> Served:
        """A call that another node answers with our help, by the id it has there, if any."""
        return _ServedElsewhere(request_id, traceparent, tracestate)

    @property
    def given_id(self) -> str:
        """The id its client gave it; empty if it gave none, or one that no log or header should show."""
        given = self._head.header(REQUEST_ID) if self._head else None
        return given if given and len(given) <= MOST_CHARACTERS and given.isascii() and given.isprintable() else ""

    @property
    def request_id(self) -> str:
        """Its id, the same ever after; empty only for a call of another node's that has none."""
        if not self._id and self._makes:
            self._id = self.given_id or self._makes()
        return self._id


class _ServedElsewhere(Served):
    __slots__ = ("traceparent", "tracestate")

    def __init__(self, request_id: str, traceparent: str, tracestate: str) -> None:
        self._head = None
        self._makes = None
        self._id = request_id
        self.traceparent = traceparent
        self.tracestate = tracestate


_served: ContextVar[Served | None] = ContextVar("served", default=None)

current_call: Callable[[], Served | None] = _served.get
"""The call that is being answered now; None for what a node does of its own accord."""

set_call = _served.set
"""Let what follows in this context be done for a call."""
