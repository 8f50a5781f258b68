"""Continuous tokens: where the next page of a list begins, in a form clients hand back unread."""

from __future__ import annotations

import base64
import binascii

from model.errors import ErrorCode, InvalidRequest


def token_of(lower_bound: str) -> str:
    """The continuous token for the first item of the next page. Source: reference wire-api §10."""
    return base64.b64encode(lower_bound.encode()).decode()


def lower_bound_of(token: str) -> str:
    """What a token was made of. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) if it cannot be one."""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise bad_token(token) from error


def bad_token(token: str) -> InvalidRequest:
    """The error for a token that stands for no position."""
    return InvalidRequest(f"malformed continuous token {token[:200]!r}", ErrorCode.INVALID_CONTINUOUS_TOKEN)


def row_id_of(token: str) -> int:
    """The row id a token was made of. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) if it cannot be one."""
    text = lower_bound_of(token)
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) < 2**63):
        raise bad_token(token)
    return int(text)
