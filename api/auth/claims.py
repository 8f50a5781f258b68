"""What the claims of a token must say, once its signature is known to be the issuer's."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from model.errors import ErrorCode, Unauthenticated

_FARTHEST_S = 2**53  # what a float still counts by seconds; Python's JSON also knows NaN, which is within no bounds


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """For whom and by whom tokens must be issued, and by how much clocks may differ."""

    issuer: str
    audience: str
    clock_skew_s: float

    def check(self, payload: bytes, now_s: float) -> float:
        """Until when the token is good, in seconds since 1970; infinity if it does not expire.

        Times that are given must hold: ``exp`` lies ahead, ``nbf`` and ``iat`` do not; each give or take the skew.
        Raises Unauthenticated with the contract's code for what does not hold. Source: RFC 7519 §4.1; wire-api §8.
        """
        claims = _claims(payload)
        expires_s, not_before_s, issued_s = (_time(claims, name) for name in ("exp", "nbf", "iat"))
        if expires_s is not None and now_s >= expires_s + self.clock_skew_s:
            raise _invalid("the token has expired")
        if not_before_s is not None and now_s < not_before_s - self.clock_skew_s:
            raise _invalid("the token is not valid yet")
        if issued_s is not None and now_s < issued_s - self.clock_skew_s:
            raise _invalid("the token was issued in the future")
        if claims.get("iss") != self.issuer:
            raise Unauthenticated("the token is not from the issuer of this node", ErrorCode.INVALID_ISSUER)
        if not _names(claims.get("aud"), self.audience):
            raise Unauthenticated("the token is not for the audience of this node", ErrorCode.INVALID_AUDIENCE)
        return math.inf if expires_s is None else expires_s + self.clock_skew_s


def _claims(payload: bytes) -> dict[str, object]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise Unauthenticated("the claims of the token are not a JSON object", ErrorCode.INVALID_CLAIMS)
    return claims


def _time(claims: dict[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_FARTHEST_S <= value <= _FARTHEST_S:
        raise _invalid(f"the claim {name} is not a time")
    return float(value)


def _names(audience: object, wanted: str) -> bool:
    return wanted in audience if isinstance(audience, list) else audience == wanted


def _invalid(text: str) -> Unauthenticated:
    return Unauthenticated(text, ErrorCode.INVALID_BEARER_TOKEN)
