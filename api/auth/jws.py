"""The compact form of a signed token, ``header.payload.signature``. Source: RFC 7515 §3.1, §5.2.

Taken apart here rather than by PyJWT, which goes through a token's letters one by one: 0.1 ms a KiB, on the loop that
serves everybody, for whatever strangers send. The signatures themselves are PyJWT's to verify.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass

from jwt.algorithms import AllowedPublicKeys, get_default_algorithms

from api.auth.issuer_keys import json_object

_ALGORITHMS = get_default_algorithms()


class InvalidJws(ValueError):
    """Not a token, or not signed as it says; the text quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token as it says it is signed: nothing of it is known to be true. The repr shows none of it.

    key_id and method: ``kid`` and ``alg``, or None where the header has no text there.
    """

    key_id: str | None
    method: str | None
    _signed: bytes
    _payload: bytes
    _signature: bytes

    def __repr__(self) -> str:
        return "<Jws>"

    @classmethod
    def parse(cls, token: str) -> Jws:
        """Take a token apart. Raises InvalidJws if it is none, or has extensions that must be understood (``crit``)."""
        try:
            header, payload, signature = token.encode("ascii").split(b".")
            members, proof = json_object(_decoded(header)), _decoded(signature)
        except ValueError as error:
            raise InvalidJws("not three parts of base64url, the first a JSON object") from error
        if "crit" in members:
            raise InvalidJws("extensions that must be understood and are not")
        key_id, method = members.get("kid"), members.get("alg")
        return cls(
            key_id if isinstance(key_id, str) else None,
            method if isinstance(method, str) else None,
            header + b"." + payload,
            payload,
            proof,
        )

    def payload(self, key: AllowedPublicKeys, method: str) -> bytes:
        """What was signed. Raises InvalidJws if it was not signed with this key by this method.

        method: one that belongs to the key; given rather than taken from the token, so that the caller must know it.
        """
        algorithm = _ALGORITHMS[method]
        if method != self.method or not algorithm.verify(self._signed, key, self._signature):
            raise InvalidJws("wrong signature")
        return _decoded(self._payload)


def _decoded(segment: bytes) -> bytes:
    """The bytes of a base64url text without padding, in its one proper form."""
    try:
        decoded = b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidJws("not base64url") from error
    if b64encode(decoded, altchars=b"-_").rstrip(b"=") != segment:
        raise InvalidJws("not the one proper form of base64url")
    return decoded
