"""The pinned point of evaluation, and the opaque token that carries it to clients and back."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from model.errors import InvalidRequest


class Snapshot(NamedTuple):
    """Which transactions are visible: all below xmin, none from xmax on, and between them those not in progress.

    Snapshots are only partially ordered, so they offer ``covers()``; comparing two with ``<`` means nothing.
    A store that numbers its commits uses ``Snapshot.at_commit``. Source: PostgreSQL, pg_snapshot.
    """

    xmin: int
    xmax: int
    in_progress: frozenset[int] = frozenset()

    @classmethod
    def at_commit(cls, number: int) -> Snapshot:
        """The snapshot that sees commits 1 to ``number`` of a store whose commits form one sequence; 0 sees none."""
        return cls(number + 1, number + 1)

    def sees(self, xid: int) -> bool:
        """True if the transaction had committed when the snapshot was taken."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.in_progress)

    def covers(self, other: Snapshot) -> bool:
        """True if every transaction visible in ``other`` is visible here."""
        if not (self.in_progress or other.in_progress):  # as most are: a tenth of what all else takes
            return self.xmax >= other.xmin and self.xmax >= other.xmax
        hidden_there = sum(self.xmax <= xid < other.xmax for xid in other.in_progress)
        return (
            self.xmax >= other.xmin
            and hidden_there == max(0, other.xmax - self.xmax)
            and not any(other.sees(xid) for xid in self.in_progress)
        )


def encode_snap_token(snapshot: Snapshot) -> str:
    """The token for a snapshot: base64 of ``xid:xmin:xmax:xip,…`` in decimal, opaque to clients.

    The newest transaction below xmax must have committed, as it has in every snapshot a store gives: it takes the
    place of the token's own.

    Source: reference wire-api §10.
    """
    in_progress = ",".join(str(xid) for xid in sorted(snapshot.in_progress))
    text = f"{snapshot.xmax - 1}:{snapshot.xmin}:{snapshot.xmax}:{in_progress}"
    return base64.b64encode(text.encode()).decode()


def decode_snap_token(token: str) -> Snapshot:
    """The snapshot a token carries; also reads the contract's legacy form, a transaction id in 8 bytes.

    A token of the four-part form always sees its own transaction, the first part. Raises InvalidRequest, quoting the
    token, for anything else.
    """
    try:
        raw = base64.b64decode(token, validate=True)
        if len(raw) == 8 and not _FOUR_PARTS.issuperset(raw):
            return Snapshot.at_commit(int.from_bytes(raw, "little"))
        return _parse_parts(raw.decode("ascii"))
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"malformed snap token {token[:200]!r}") from error


def _parse_parts(text: str) -> Snapshot:
    own_text, xmin_text, xmax_text, xip_text = text.split(":")
    parts = [own_text, xmin_text, xmax_text, *(xip_text.split(",") if xip_text else ())]
    if not all(part.isdecimal() and len(part) <= 20 for part in parts):
        raise ValueError(text)
    own, xmin, xmax, *in_progress = (int(part) for part in parts)
    if not xmin <= xmax or own - xmax > _MOST_STARTED_SINCE:
        raise ValueError(text)
    started_since = range(xmax, own)  # ids between the snapshot and its own transaction: not known to have committed
    hidden = {xid for xid in in_progress if xmin <= xid < xmax}.union(started_since) - {own}
    return Snapshot(xmin, max(xmax, own + 1), frozenset(hidden))


_MOST_STARTED_SINCE = 10_000
_FOUR_PARTS = frozenset(b"0123456789:,")  # what a token of the four-part form is made of
