"""Signed tokens taken apart, and what of them is believed."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from api.auth.jws import InvalidJws, Jws
from tests.support.issuer import SigningKey

METHODS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KEY = SigningKey("jws", "ES256")
TOKEN = KEY.sign({"sub": "ann"})


def public(key: SigningKey) -> Any:
    return key.pair.public_key()


def header(members: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("method", METHODS)
def test_what_a_key_signed_is_read_with_its_public_half(method: str) -> None:
    key = SigningKey("jws", method)
    jws = Jws.parse(key.sign(b"anything at all"))
    assert (jws.key_id, jws.method) == ("jws", method)
    assert jws.payload(public(key), method) == b"anything at all"
    with pytest.raises(InvalidJws, match="wrong signature"):
        jws.payload(public(SigningKey("other", method)), method)


def test_the_method_the_key_is_for_decides_not_the_token() -> None:
    rsa = SigningKey("jws")
    with pytest.raises(InvalidJws, match="wrong signature"):
        Jws.parse(rsa.sign(b"x")).payload(public(rsa), "RS512")


@pytest.mark.parametrize("place", range(0, len(TOKEN), 7))
def test_a_token_changed_in_any_place_is_not_believed(place: int) -> None:
    changed = TOKEN[:place] + ("A" if TOKEN[place] != "A" else "B") + TOKEN[place + 1 :]
    with pytest.raises(InvalidJws):
        Jws.parse(changed).payload(public(KEY), "ES256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        f"{TOKEN}.",
        f"{TOKEN}=",
        f" {TOKEN}",
        f"{TOKEN}\n",
        TOKEN.replace(".", "..", 1),
        f"{header([])}.e30.AAAA",
        f"{header('text')}.e30.AAAA",
        f"{header({'alg': 'ES256', 'kid': 'jws', 'crit': ['b64'], 'b64': False})}.e30.AAAA",
        f"{header({'alg': 'ES256'})}.e30.AAAB=",
        "ünicode.e30.AAAA",
        "\udcff.e30.AAAA",
    ],
    ids=lambda _: "token",  # not the text: keys differ from one worker to the next
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidJws):
        Jws.parse(token)


@pytest.mark.parametrize("value", [None, 7, ["RS256"], {"a": 1}, True])
def test_a_name_that_is_no_text_is_none(value: Any) -> None:
    jws = Jws.parse(f"{header({'alg': value, 'kid': value})}.e30.AAAA")
    assert (jws.key_id, jws.method) == (None, None)


@settings(deadline=None)
@given(st.text(alphabet='ab-_=.{}"e30J9\x00ü', max_size=60) | st.text(max_size=40))
def test_whatever_comes_is_taken_apart_or_refused_and_never_believed(token: str) -> None:
    with pytest.raises(InvalidJws):
        Jws.parse(token).payload(public(KEY), "ES256")


@settings(deadline=None)
@given(payload=st.binary(max_size=100))
def test_it_reads_what_pyjwt_reads(payload: bytes) -> None:
    token = KEY.sign(payload)
    theirs = jwt.PyJWS().decode(token, public(KEY), algorithms=["ES256"])
    assert Jws.parse(token).payload(public(KEY), "ES256") == theirs == payload


def test_a_payload_that_is_signed_and_no_base64url_is_refused() -> None:
    signed = f"{header({'alg': 'ES256', 'kid': 'jws'})}.e30!"
    proof = get_default_algorithms()["ES256"].sign(signed.encode(), KEY.pair)
    jws = Jws.parse(f"{signed}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}")
    with pytest.raises(InvalidJws, match="base64url"):
        jws.payload(public(KEY), "ES256")


def test_the_repr_shows_nothing() -> None:
    assert repr(Jws.parse(TOKEN)) == "<Jws>"
