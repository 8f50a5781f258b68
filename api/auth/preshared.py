"""Keys the operator hands out: whoever shows one of them may ask."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest

from api.auth.bearer import bearer_token
from api.auth.settings import PresharedSettings
from model.errors import ErrorCode, Misconfigured, Unauthenticated


class PresharedKeys:
    """Compares a token with every key in constant time: how long it takes tells neither key nor position.

    Digests are compared, not texts, so that not even the lengths of the keys show.
    """

    def __init__(self, settings: PresharedSettings) -> None:
        if not settings.keys or not all(key.strip() for key in settings.keys):
            raise Misconfigured("preshared authentication needs at least one key, and none may be empty")
        self._digests = tuple(_digest(key) for key in settings.keys)

    def __repr__(self) -> str:
        return f"<PresharedKeys of {len(self._digests)}>"

    async def authenticate(self, authorization: str | None) -> None:
        """Return if the token is one of the keys, else raise Unauthenticated (INVALID_KEY)."""
        shown = _digest(bearer_token(authorization))
        is_known = False
        for digest in self._digests:
            is_known |= compare_digest(shown, digest)
        if not is_known:
            raise Unauthenticated("the bearer token is none of the node's keys", ErrorCode.INVALID_KEY)

    async def keep_current(self) -> None:
        """Nothing to do: other keys need a restart."""


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
