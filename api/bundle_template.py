"""The templates of bundles: ``doc:{{.id}}#owner@user:{{.uid}}``, text with places that arguments fill.

Of Go's template language ``{{.name}}`` is understood, with or without spaces inside the braces, and nothing else: no
functions, conditionals, comments or trim markers. A value goes in as it is. It is not escaped, for what comes out is
no HTML, and it is never read as a template itself. Source: reference semantics §11, S-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest

from model.errors import ErrorCode, InvalidRequest

_OPENING, _CLOSING = "{{", "}}"
_FIELD = re.compile(r"[ \t\r\n]*\.([^\W\d]\w*)[ \t\r\n]*")  # Go: a letter or _, then letters, digits and _


@dataclass(frozen=True, slots=True)
class Template:
    """A text in its parts: a literal, a name, a literal, … There is always one literal more than names."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template. Raises InvalidRequest (VALIDATION), quoting the part that is not understood."""
        first, *others = text.split(_OPENING)
        literals, names = [first], []
        for part in others:
            action, closing, literal = part.partition(_CLOSING)
            if not closing:
                raise _refusal(f"{{{{ is not closed in {clipped(text)}")
            names.append(_name_in(action))
            literals.append(literal)
        return cls(tuple(literals), tuple(names))

    def size(self, arguments: Mapping[str, str]) -> int:
        """How many characters ``fill`` would give."""
        return sum(map(len, self.literals)) + sum(len(arguments.get(name, "")) for name in self.names)

    def fill(self, arguments: Mapping[str, str]) -> str:
        """The text with its places filled; a name without an argument leaves nothing."""
        values = (arguments.get(name, "") for name in self.names)
        return "".join(chain.from_iterable(zip_longest(self.literals, values, fillvalue="")))


def clipped(text: str, limit: int = 200) -> str:
    """The text quoted for a message, cut where it is long: a message travels in headers, which have little room."""
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}…"


def _name_in(action: str) -> str:
    field = _FIELD.fullmatch(action)
    if field is None:
        raise _refusal(
            f"{clipped(_OPENING + action + _CLOSING)} is not supported in a bundle: a place is written {{{{.name}}}}, "
            "and functions, conditionals and other actions are not understood"
        )
    return field[1]


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest(message, ErrorCode.VALIDATION)
