"""How large a program a regular expression becomes in RE2.

RE2 matches in time linear in the text, whatever the pattern; what an adversary can do is grow the program, since
counted repetition is unrolled: ``x{0,1000}`` makes a thousand states. Compiling n states takes time in n squared.
"""

from __future__ import annotations

import re

MAX_STATES = 1_000_000
"""Where counting stops; RE2 itself refuses programs of about this size."""

STATES_PER_CHARACTER = 112
"""The worst a pattern of unknown text can do: nine characters such as ``x{0,1000}`` make a thousand states."""

_PIECE = re.compile(
    r"""(?P<count> \{(?P<low>\d{1,4})(?:,(?P<high>\d{0,4}))?\} )
      | (?P<property> \\[pP](?:\{[^}]*\}|.)? )
      | (?P<set> \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]? )
      | (?P<open> \( ) | (?P<close> \) )
      | (?P<any> \. )
      | (?: \\.? | . )""",
    re.VERBOSE | re.DOTALL,
)
_UNICODE_PROPERTY_STATES = 700
_SET_STATES = 10


def states_of(pattern: str) -> int:
    """An upper estimate of the states of the pattern's program, at most MAX_STATES. Never raises."""
    levels, atom = [0], 0  # the states of each open group, and of the last atom, which a count would multiply
    for piece in _PIECE.finditer(pattern):
        match piece.lastgroup:
            case "count":
                times = max(int(piece["high"] or 0), int(piece["low"]), 1)
                levels[-1] += atom * (times - 1)
                atom *= times
            case "open":
                levels.append(0)
                atom = 0
            case "close" if len(levels) > 1:
                atom = levels.pop() + 2
                levels[-1] += atom
            case _:
                atom = _states_of_atom(piece)
                levels[-1] += atom
        if levels[-1] > MAX_STATES:
            return MAX_STATES
    return min(sum(levels) + 1, MAX_STATES)


def _states_of_atom(piece: re.Match[str]) -> int:
    match piece.lastgroup:
        case "property":
            return _UNICODE_PROPERTY_STATES
        case "set":
            text = piece.group()
            return _SET_STATES + len(text) + _UNICODE_PROPERTY_STATES * len(re.findall(r"\\[pP]", text))
        case "any":
            return _SET_STATES
        case _:
            return 2
