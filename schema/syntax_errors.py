"""What to say when the next token fits nowhere: the reference's words, and a hint for people.

Source: reference schema-language §7, checks 1, 2 and 4.
"""

from __future__ import annotations

from typing import cast

from lark import Token, UnexpectedToken

from model.errors import ErrorCode, InvalidSchema
from schema.source import Source, did_you_mean
from schema.tokens import KEYWORDS

_TOP_LEVEL = ("ENTITY", "RULE")
_MEMBERS = ("RELATION", "PERMISSION", "ATTRIBUTE")
_OPERATORS = ("AND", "OR", "NOT")
_MESSAGE_ORDER = (*_TOP_LEVEL, *_MEMBERS, "IDENT", "SIGN", "LP", "ASSIGN", "LCB", "COMMA", "RP", "RSB", "RCB")
_SPELLING = {
    "IDENT": "a name",
    "SIGN": "'@'",
    "LP": "'('",
    "RP": "')'",
    "LCB": "'{'",
    "RCB": "'}'",
    "RSB": "']'",
    "ASSIGN": "'='",
    "COMMA": "','",
    "EOF": "the end of the text",
    "NEWLINE": "a line break",
    "PERMISSION": "'permission'",
}
_LIKELY_SLIPS = {
    "ILLEGAL": "this character has no meaning here; names are made of letters A to Z and underscores",
    "INTEGER": "names are made of letters and underscores, without digits",
    "DOUBLE": "names are made of letters and underscores, without digits",
    "STRING": "strings may stand only inside rule bodies",
    "NEWLINE": "a line may be broken only once, directly after '=', '(', 'and', 'or' or 'not'",
}


def unexpected(source: Source, error: UnexpectedToken) -> InvalidSchema:
    """The fault for a token the parser could not take, at the token's start; the end of the text counts as one."""
    token = cast("Token", error.token)
    got = _kind(token.type)
    offset = len(source.text) if got == "EOF" else cast("int", token.start_pos)
    wanted = [kind for kind in _MESSAGE_ORDER if kind in {_kind(k) for k in error.accepts}]
    return source.fault(offset, _message(wanted, got), code=ErrorCode.SCHEMA_PARSE, hint=_hint(token, wanted, got))


def _kind(terminal: str) -> str:
    return "EOF" if terminal == "$END" else terminal.lstrip("_")


def _message(wanted: list[str], got: str) -> str:
    if _is_operand(wanted):
        return f"no prefix parse function for {got} found"
    if wanted[:2] == list(_TOP_LEVEL):
        return f"expected token to be ENTITY, RULE, got {got} instead"
    if "RELATION" in wanted and got == "EOF":
        return "expected token to be RCB, got EOF instead"
    if "RELATION" in wanted:
        return f"expected token to be {', '.join(_MEMBERS)}, got {got} instead"
    if len(wanted) > 1:
        return f"expected token to be {', '.join(wanted)}, got {got} instead"
    return f"expected next token to be {wanted[0] if wanted else 'NEWLINE'}, got {got} instead"


def _hint(token: Token, wanted: list[str], got: str) -> str:
    if slip := _known_slip(token, wanted, got):
        return slip
    expected = ", ".join(_SPELLING.get(kind, f"{kind.lower()!r}") for kind in wanted)
    return f"expected here: {expected}" if expected else "nothing more may stand here"


def _known_slip(token: Token, wanted: list[str], got: str) -> str:
    places = {"RELATION": [*_MEMBERS, "ACTION"], "ENTITY": _TOP_LEVEL}
    for first, kinds in places.items():
        if got == "IDENT" and first in wanted:
            return did_you_mean(token.value, [kind.lower() for kind in kinds])
    if _is_operand(wanted) and got == "NOT":
        return "'not' stands between two operands: 'a not b' is a without b"
    if got.lower() in KEYWORDS and "IDENT" in wanted:
        return f"{token.value!r} is a keyword and cannot be a name"
    return _LIKELY_SLIPS.get(got, "")


def _is_operand(wanted: list[str]) -> bool:
    return "LP" in wanted and "IDENT" in wanted
