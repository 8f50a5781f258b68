"""What a token's claims must say, at every instant."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.claims import ClaimRules
from model.errors import ErrorCode, Unauthenticated

RULES = ClaimRules("https://issuer", "api", clock_skew_s=30.0)
GOOD = {"iss": "https://issuer", "aud": "api"}


def check(now_s: float = 1_000.0, **claims: object) -> float:
    return RULES.check(json.dumps(GOOD | claims).encode(), now_s)


@given(expires_s=st.integers(0, 2**40), now_s=st.floats(0, 2**40))
def test_a_token_is_good_until_it_expires_give_or_take_the_skew(expires_s: int, now_s: float) -> None:
    if now_s < expires_s + 30.0:
        assert check(now_s, exp=expires_s) == expires_s + 30.0
    else:
        with pytest.raises(Unauthenticated, match="expired"):
            check(now_s, exp=expires_s)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_is_good_from_its_beginning_give_or_take_the_skew(name: str) -> None:
    claims: dict[str, Any] = {name: 1_000}
    check(970.0, **claims)
    with pytest.raises(Unauthenticated):
        check(969.9, **claims)


def test_a_token_without_expiry_does_not_expire() -> None:
    assert check() == math.inf


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("time", ["1000", True, [1000], {}, math.nan, math.inf, -math.inf, 10**400, "", 1e300])
def test_a_time_that_is_none_is_refused(name: str, time: object) -> None:
    claims: dict[str, Any] = {name: time}
    with pytest.raises(Unauthenticated, match=f"the claim {name} is not a time"):
        check(**claims)


@pytest.mark.parametrize("audience", ["apix", "ap", "", 7, {"api": 1}, [], [["api"]], ["x", None]])
def test_only_the_whole_name_is_the_audience(audience: object) -> None:
    with pytest.raises(Unauthenticated) as refused:
        check(aud=audience)
    assert refused.value.code is ErrorCode.INVALID_AUDIENCE


@given(st.binary(max_size=60))
def test_any_bytes_are_answered(payload: bytes) -> None:
    with pytest.raises(Unauthenticated):
        RULES.check(payload, 0.0)


@pytest.mark.parametrize("payload", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000])
def test_claims_beyond_reason_are_no_claims(payload: bytes) -> None:
    with pytest.raises(Unauthenticated) as refused:
        RULES.check(payload, 0.0)
    assert refused.value.code is ErrorCode.INVALID_CLAIMS
