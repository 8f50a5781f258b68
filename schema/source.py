"""Schema text with its coordinates: spans, lines and columns, and faults that point into it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from model.errors import ErrorCode, InvalidSchema, LimitExceeded

MAX_SCHEMA_BYTES = 1 << 19
"""The longest schema text accepted, UTF-8 encoded: room for 10 000 lines. Raise it for larger schemas; the price is
compile time, about a second per 10 000 ordinary lines and ten times that for hostile ones (bench/schema_compile.py)."""

_MAX_QUOTED_LINE = 2_000
_MAX_SUGGESTION_NAMES = 1_000
_MAX_SUGGESTION_LENGTH = 64


class Span(NamedTuple):
    """Where something stands in the source: character offsets, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """Schema text with line ends made one: CRLF and a lone CR each count as one newline.

    line_starts: the offset of each line's first character, never empty.
    """

    text: str
    line_starts: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Source:
        """The text, made ready to parse. A NUL ends it, as in the reference lexer (§2).

        Raises LimitExceeded beyond MAX_SCHEMA_BYTES and InvalidSchema for text that has no UTF-8 form.
        """
        if len(text) > MAX_SCHEMA_BYTES:
            raise _too_long(len(text))
        text = text.partition("\0")[0].replace("\r\n", "\n").replace("\r", "\n")
        source = cls(text, (0, *(i + 1 for i, character in enumerate(text) if character == "\n")))
        source._require_utf8()
        return source

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both 1-based; the column counts characters."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def offset(self, line: int, column: int, *, within: Span) -> int:
        """The offset of a 1-based position counted from the start of a span, held inside the span."""
        first = bisect_right(self.line_starts, within.start) - 1
        number = first + line - 1
        if line < 1 or number >= len(self.line_starts):
            return within.start
        start = within.start if line == 1 else self.line_starts[number]
        return min(max(start + column - 1, within.start), within.end)

    def fault(self, offset: int, message: str, *, code: ErrorCode, hint: str = "") -> InvalidSchema:
        """The error to raise for what stands at the offset."""
        line, column = self.position(offset)
        start = self.line_starts[line - 1]
        quoted = self.text[start : start + _MAX_QUOTED_LINE].partition("\n")[0]
        return InvalidSchema(message, line=line, column=column, code=code, source_line=quoted, hint=hint)

    def _require_utf8(self) -> None:
        try:
            size_bytes = len(self.text.encode())
        except UnicodeEncodeError as error:
            hint = "the schema must be valid Unicode text; a lone surrogate stands here"
            message = "expected text, got ILLEGAL instead"
            raise self.fault(error.start, message, code=ErrorCode.SCHEMA_PARSE, hint=hint) from error
        if size_bytes > MAX_SCHEMA_BYTES:
            raise _too_long(size_bytes)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the known name closest to the given one; without one, the known names if they are few; or ""."""
    names = sorted({k for k in islice(known, _MAX_SUGGESTION_NAMES) if len(k) <= _MAX_SUGGESTION_LENGTH})
    close = get_close_matches(name, names, n=1) if len(name) <= _MAX_SUGGESTION_LENGTH else []
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(names)}" if 0 < len(names) <= 8 else ""


def _too_long(size_bytes: int) -> LimitExceeded:
    return LimitExceeded(f"the schema has {size_bytes} bytes or more, at most {MAX_SCHEMA_BYTES} are accepted")
