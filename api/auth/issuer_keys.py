"""The keys an issuer publishes, made ready to verify with.

A key is filed under its id *and* each signature method it may be used with. So a token finds a key only if its method
belongs to the key's type, and no RSA key is ever taken for the shared secret of an HS256 token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError
from jwt.algorithms import AllowedPublicKeys

from api.auth.settings import ASYMMETRIC_METHODS

_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048  # RFC 7518 §3.3

_METHODS_OF: dict[tuple[object, object], frozenset[str]] = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
assert frozenset().union(*_METHODS_OF.values()) == ASYMMETRIC_METHODS


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """Verifying keys by id and method.

    ids: of the keys that can be used at all. fingerprint: of the document; equal documents hold equal keys.
    """

    by_id_and_method: Mapping[tuple[str, str], AllowedPublicKeys]
    ids: frozenset[str]
    fingerprint: bytes

    @classmethod
    def parse(cls, document: bytes) -> IssuerKeys:
        """Read a JWK set. Keys that cannot be used are left out: without id, for encryption, of unknown type, or weak.

        Shared secrets are left out too: what everybody can fetch proves nothing. Raises ValueError, saying why, if
        nothing is left or the document is not a JWK set. Source: RFC 7517 §5.
        """
        entries = json_object(document).get("keys")
        if not isinstance(entries, list):
            raise ValueError("not a JWK set: no list 'keys'")  # noqa: TRY004 - the text is at fault, not the program
        if len(entries) > _MOST_KEYS:
            raise ValueError(f"a JWK set of {len(entries)} keys; at most {_MOST_KEYS} are accepted")
        found: dict[tuple[str, str], AllowedPublicKeys] = {}
        for entry in entries:
            for name, key in _usable(entry):
                found.setdefault(name, key)
        if not found:
            raise ValueError("a JWK set without any key that could verify a signature")
        return cls(found, frozenset(key_id for key_id, _ in found), sha256(document).digest())


def json_object(text: bytes) -> dict[str, object]:
    """The JSON object of a text. Raises ValueError if it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the text is at fault, not the program
    return value


def _usable(entry: object) -> Iterator[tuple[tuple[str, str], AllowedPublicKeys]]:
    if not isinstance(entry, dict) or not isinstance(key_id := entry.get("kid"), str):
        return
    kind = (entry.get("kty"), entry.get("crv") if entry.get("kty") != "RSA" else None)
    methods = _METHODS_OF.get(kind, frozenset()) if all(isinstance(part, str | None) for part in kind) else frozenset()
    if "alg" in entry:
        methods = methods & {entry["alg"]} if isinstance(entry["alg"], str) else frozenset()
    if not methods or not _is_for_signatures(entry):
        return
    try:
        key = PyJWK(entry, min(methods)).key
    except (PyJWTError, ValueError, TypeError):
        return
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        return
    for method in methods:
        yield (key_id, method), key


def _is_for_signatures(entry: Mapping[str, object]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
