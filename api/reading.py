"""Requests from their wire form: parsed, held against the contract's rules, made into what their handler takes.

All three depend on the bytes alone. What is asked again and again comes in the same bytes, so for handlers that say
what they take (``takes``) what was read is remembered: reading a check costs more than answering it from the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast

from google.protobuf.message import Message

from api.validation import check_fields

_REMEMBERED = 10_000  # requests of an RPC, about 1 KiB each
_MOST_BYTES = 512  # of one that is remembered; larger ones bring contexts along, which hardly come again

F = TypeVar("F", bound=Callable[..., Any])

Form = Callable[[Any], Any]
"""Makes of a message what its handler takes. Raises InvalidRequest; what it gives is never changed."""


class _Taking(Protocol):
    form: Form


def takes(form: Form) -> Callable[[F], F]:
    """A handler that takes what ``form`` makes of the message, not the message itself."""

    def marked(handler: F) -> F:
        cast("_Taking", handler).form = form
        return handler

    return marked


class Reading:
    """How the requests of one RPC are read. parse: see ``Rpc.parse``."""

    def __init__(self, parse: Callable[[bytes], Message], handler: Callable[..., object]) -> None:
        self._parse = parse
        self._form: Form | None = getattr(handler, "form", None)
        self._known = lru_cache(_REMEMBERED)(self._read)

    def of_bytes(self, raw: bytes) -> Any:
        """What the handler takes. Raises InvalidRequest if the bytes are no request, or one that breaks a rule."""
        if self._form is None or len(raw) > _MOST_BYTES:
            return self._read(raw)
        return self._known(raw)

    def of_message(self, message: Message) -> Any:
        """The same of a message."""
        check_fields(message)
        return message if self._form is None else self._form(message)

    def _read(self, raw: bytes) -> Any:
        return self.of_message(self._parse(raw))
