"""The lexer: schema text to tokens, newlines kept, a rule's body as one raw token.

A token's type is the reference's kind name; those without a value in the tree begin with an underscore, which is how
the grammar drops them. The body of a rule is not tokenised: it is CEL, whose strings, comments and braces differ, so it
is cut out whole, up to the brace that closes it. Source: reference schema-language §2, §6 and L-4 to L-9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lark import Token
from lark.common import LexerConf
from lark.lexer import Lexer

from model.errors import ErrorCode
from schema.source import Source

MAX_NESTING = 250
"""How deep parentheses, and the tree of an expression, may nest. The engine and clients walk these trees."""

KEYWORDS = {
    "entity": "ENTITY",
    "rule": "RULE",
    "relation": "RELATION",
    "attribute": "ATTRIBUTE",
    "permission": "PERMISSION",
    "action": "PERMISSION",
    "and": "AND",
    "or": "OR",
    "not": "NOT",
    "in": "IN",
    "true": "BOOLEAN",
    "false": "BOOLEAN",
}

_SIGNS = {
    "\n": "_NEWLINE",
    ";": "_NEWLINE",
    "{": "_LCB",
    "}": "RCB",
    "(": "LP",
    ")": "RP",
    "[": "_LSB",
    "]": "RSB",
    "=": "_ASSIGN",
    "@": "SIGN",
    ",": "_COMMA",
    ".": "_DOT",
    "#": "_HASH",
    ":": "COLON",
    "+": "PLUS",
    "-": "MINUS",
    "*": "TIMES",
    "/": "DIVIDE",
    "%": "MOD",
    "^": "POW",
    "<": "LT",
    ">": "GT",
    "!": "EXCL",
    "?": "QM",
    "'": "APOS",
    "&": "AMPERSAND",
}

_TOKEN = re.compile(
    r"""(?P<blank> [ \t]+ | //[^\n]* | /\*.*?(?:\*/|\Z) )
      | (?P<word>  [A-Za-z_]+ )
      | (?P<DOUBLE> [0-9]+\.[0-9]* )
      | (?P<INTEGER> [0-9]+ )
      | (?P<STRING> "[^"\\]*(?:\\.[^"\\]*)*"? )
      | (?P<sign> . )""",
    re.VERBOSE | re.DOTALL,
)

# Every alternative that can fail to end runs to the end of its line or of the text instead, so that the scan is linear.
_BODY_PIECE = re.compile(
    r"""(?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
      | (?P<string>
            [bB]?[rR] (?: \"{3}.*?(?P<e1>\"{3}|\Z) | '{3}.*?(?P<e2>'{3}|\Z) | "[^"\n]*(?P<e3>"|) | '[^'\n]*(?P<e4>'|) )
          | [bB]? (?: \"{3}(?:\\.|[^\\])*?(?P<e5>\"{3}|\\?\Z) | '{3}(?:\\.|[^\\])*?(?P<e6>'{3}|\\?\Z)
                    | "(?:\\.|[^"\\\n])*(?P<e7>"|) | '(?:\\.|[^'\\\n])*(?P<e8>'|) ) )
      | (?P<brace> [{}] )
      | (?: \w+ | [^\w{}"'/]+ | / )""",
    re.VERBOSE | re.DOTALL,
)


class TokenLexer(Lexer):
    """What the grammar reads from; lark makes one per parser and hands it the Source."""

    def __init__(self, _conf: LexerConf) -> None:
        pass

    def lex(self, data: Source) -> Iterator[Token]:  # type: ignore[override]  # lark leaves the input's type open
        """The tokens in order, up to the end of the text. Raises InvalidSchema where parentheses nest too deep."""
        return tokenise(data)


def tokenise(source: Source) -> Iterator[Token]:
    """The tokens of the text, lazily, so that the first fault in source order is the one reported.

    A character that begins no token yields ILLEGAL. Raises InvalidSchema where parentheses nest deeper than
    MAX_NESTING and where a rule's body holds a string that does not end.
    """
    text, length = source.text, len(source.text)
    match, position = _TOKEN.match, 0
    in_rule, nesting = False, 0
    while position < length:
        found = match(text, position)
        assert found is not None  # the last alternative takes any character
        start, position, group = position, found.end(), found.lastgroup
        if group == "blank":
            continue
        value = found.group()
        if group == "word":
            kind = KEYWORDS.get(value, "IDENT")
            in_rule = in_rule or kind == "RULE"
        elif group == "sign":
            kind = _SIGNS.get(value, "ILLEGAL")
            if kind == "LP":
                nesting += 1
                if nesting > MAX_NESTING:
                    raise _too_deep(source, start)
            elif kind == "RP":
                nesting -= 1
        else:
            kind = group or "ILLEGAL"
        yield Token(kind, value, start, end_pos=position)
        if in_rule and kind == "_LCB":
            in_rule = False
            end = _end_of_body(source, position)
            yield Token("BODY", text[position:end], position, end_pos=end)
            position = end


def without_block_comments(body: str) -> str:
    """The body with ``/* … */`` blanked out, which CEL does not know; every character keeps its place."""
    if "/*" not in body:
        return body
    return _BODY_PIECE.sub(_blanked, body)


def _end_of_body(source: Source, start: int) -> int:
    """The offset of the brace that closes the body, or the end of the text."""
    depth = 0
    for piece in _BODY_PIECE.finditer(source.text, start):
        if piece.lastgroup == "brace":
            depth += 1 if piece.group() == "{" else -1
            if depth < 0:
                return piece.start()
        elif piece["string"] is not None and not _ends(piece):
            message, hint = "string literal is not terminated", "a string ends with the quote it began with"
            raise source.fault(piece.start(), message, code=ErrorCode.SCHEMA_PARSE, hint=hint)
    return len(source.text)


def _ends(string: re.Match[str]) -> bool:
    return any(string[f"e{i}"] not in {None, "", "\\"} for i in range(1, 9))


def _blanked(piece: re.Match[str]) -> str:
    text = piece.group()
    return re.sub(r"[^\n]", " ", text) if text.startswith("/*") else text


def _too_deep(source: Source, offset: int) -> Exception:
    message = f"expression nests deeper than {MAX_NESTING} levels"
    hint = "split the expression into several permissions"
    return source.fault(offset, message, code=ErrorCode.SCHEMA_PARSE, hint=hint)
