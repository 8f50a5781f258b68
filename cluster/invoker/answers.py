"""Answers with what makes them hold, and the two ports they travel through between nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from model.check import CheckAnswer, CheckRequest
from model.errors import InvalidRequest, NotFound
from model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Evidence:
    """What answers were found by. They hold at every snapshot that covers ``since`` and is covered by ``until``.

    Whoever knows that nothing of it was touched later may move ``until`` on. history: the line of history both belong
    to, as ``storage.base.News`` names it. keys: of what was looked at, found or not, 64 bits each, as
    ``dependencies.py`` makes them.
    """

    since: Snapshot
    until: Snapshot
    history: str
    keys: Sequence[int]


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers aligned with the questions of a request, and the snapshot and schema version all of them are given at.

    evidence: present if it was asked for and is known; it speaks for all answers together.
    """

    answers: Sequence[CheckAnswer]
    snapshot: Snapshot
    schema_version: str
    evidence: Evidence | None = None


class OwnAnswers(Protocol):
    """What a node answers itself, by its cache or its engine; whoever asks has decided that it should."""

    async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
        """Answer at the request's token and version, else at head and the latest. Raises AuthzError for the whole."""


class NoAnswer(Exception):
    """A peer gave no answer: it is gone, refuses us, is overloaded or too slow. Whoever asked answers otherwise."""


OF_THE_REQUEST = (InvalidRequest, NotFound)
"""Errors that any node would raise. All others say that this node could not answer, and another one may."""


class Owners(Protocol):
    """The other nodes, as owners of keys."""

    async def ask(self, address: str, request: CheckRequest, *, timeout_s: float, wants_evidence: bool) -> Answered:
        """Have a peer answer. Raises NoAnswer, and the AuthzError the peer raised if it speaks of the request.

        Such are InvalidRequest, NotFound and SnapshotExpired; what says that the peer itself could not is NoAnswer, and
        so is silence for ``timeout_s``. Cancelling tells the peer to stop.
        """
