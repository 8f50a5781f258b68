"""What nodes of one cluster know in common, and how one shows another that it knows it without telling it."""

from __future__ import annotations

import hmac
from hashlib import scrypt

_ROUNDS, _BLOCKS, _LANES = 2**12, 8, 1  # some 10 ms, once; whoever guesses at short keys pays it for each guess


class ClusterKey:
    """The name and the secret of a cluster; without a secret, anyone who may connect knows it.

    digest: equal where name and secret are equal; tells neither, and may be shown and logged.
    """

    def __init__(self, secret: str = "", name: str = "") -> None:
        text = secret.encode(errors="surrogatepass")
        self._root = scrypt(text, salt=b"ringward cluster", n=_ROUNDS, r=_BLOCKS, p=_LANES)
        self.digest = self._of("digest", name)[:16]

    def __repr__(self) -> str:
        return f"<ClusterKey {self.digest}>"

    def shown_by_asker(self, nonce: str) -> str:
        """What whoever asks shows, for a text it made up for this call."""
        return self._of("asker", nonce)

    def shown_by_answerer(self, nonce: str) -> str:
        """What whoever answers shows for the same text; made of it anew, so that nobody else has it to repeat."""
        return self._of("answerer", nonce)

    def _of(self, purpose: str, text: str) -> str:
        return hmac.digest(self._root, f"{purpose}:{text}".encode(errors="surrogatepass"), "sha256").hex()


def is_same(shown: str, expected: str) -> bool:
    """True if what was shown is what was expected; takes equally long wherever the two differ."""
    return hmac.compare_digest(shown.encode(errors="surrogatepass"), expected.encode())
