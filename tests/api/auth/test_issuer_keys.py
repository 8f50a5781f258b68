"""Which of the published keys verify what."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.issuer_keys import IssuerKeys
from tests.support.issuer import SigningKey

RSA = SigningKey("rsa-1")
RSA_METHODS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


def parse(*entries: Any) -> IssuerKeys:
    return IssuerKeys.parse(json.dumps({"keys": list(entries)}).encode())


def methods(keys: IssuerKeys, key_id: str) -> set[str]:
    return {method for found, method in keys.by_id_and_method if found == key_id}


@pytest.mark.parametrize("method", ["ES256", "ES384", "ES512", "EdDSA"])
def test_a_key_of_a_curve_verifies_the_method_of_the_curve_alone(method: str) -> None:
    key = SigningKey(f"key-{method}", method)
    assert methods(parse(key.jwk(alg=None)), key.id) == {method}


def test_an_rsa_key_verifies_rsa_methods_or_the_one_it_names() -> None:
    assert methods(parse(RSA.jwk(alg=None)), RSA.id) == RSA_METHODS
    assert methods(parse(RSA.jwk()), RSA.id) == {"RS256"}
    assert methods(parse(RSA.jwk(use=None, key_ops=["verify"])), RSA.id) == {"RS256"}


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "kid": "shared", "alg": "HS256", "k": base64.urlsafe_b64encode(b"s" * 32).decode()},
        RSA.jwk(kid=None),
        RSA.jwk(kid=7),
        RSA.jwk(use="enc"),
        RSA.jwk(key_ops=["encrypt"]),
        RSA.jwk(key_ops="verify"),
        RSA.jwk(alg="HS256"),
        RSA.jwk(alg="none"),
        RSA.jwk(alg=["RS256"]),
        RSA.jwk(alg="ES256"),
        RSA.jwk(n=None),
        RSA.jwk(n="!"),
        RSA.jwk(kty=["RSA"]),
        RSA.jwk(kty="unheard-of"),
        SigningKey("weak").jwk(),
        SigningKey("ec", "ES256").jwk(crv="P-1"),
        SigningKey("ec", "ES256").jwk(x="AAAA"),
        "text",
        None,
    ],
    ids=lambda _: "entry",  # not what it holds: keys differ from one worker to the next
)
def test_a_key_that_cannot_verify_is_left_out_and_the_others_stay(entry: Any) -> None:
    other = SigningKey("other")
    assert parse(entry, other.jwk()).ids == {"other"}
    with pytest.raises(ValueError, match="without any key"):
        parse(entry)


def test_of_two_keys_with_one_id_each_serves_its_methods_and_the_first_counts() -> None:
    ec = SigningKey("ec", "ES256")
    keys = parse(RSA.jwk(), ec.jwk(kid=RSA.id), SigningKey("other").jwk(kid=RSA.id))
    assert methods(keys, RSA.id) == {"RS256", "ES256"}
    first: Any = keys.by_id_and_method[(RSA.id, "RS256")]
    assert first == RSA.pair.public_key()


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": {}}', b"\xff", b"[" * 100_000, b'{"keys": [' + b"1," * 200 + b"1]}"],
)
def test_what_is_no_set_of_keys_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|JWK set"):
        IssuerKeys.parse(document)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["kty", "kid", "alg", "use", "crv", "n", "e", "x", "y", "k"]), inner)
        ),
        max_leaves=12,
    )
)
def test_whatever_is_published_is_read_or_refused(entry: Any) -> None:
    with pytest.raises(ValueError, match="without any key"):
        parse(entry)


def test_equal_documents_have_equal_fingerprints() -> None:
    assert parse(RSA.jwk()).fingerprint == parse(RSA.jwk()).fingerprint != parse(RSA.jwk(), RSA.jwk()).fingerprint
