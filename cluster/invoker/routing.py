"""Who answers a check: the node that owns it, or this one if it knows the answer, or if the owner gives none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cachetools import LRUCache

from cluster.hashring.ring import Ring
from cluster.invoker.answers import OF_THE_REQUEST, Answered, NoAnswer, Owners
from cluster.invoker.hot_keys import HotKeys
from cluster.invoker.keys import routing_key
from cluster.invoker.local import CACHE, LocalAnswers
from model.check import CheckRequest
from model.deadline import time_left_s
from model.errors import AuthzError
from telemetry.spans import note

PATIENCE_S = 1.0
"""How long an owner may take before this node answers itself; half of the caller's time if that is less.

Longer spares work when owners are slow under load, shorter spares callers waiting for an owner that hangs.
"""
_MOST_TENANTS = 10_000  # whose schema versions are remembered


class Placement(Protocol):
    """Who owns what."""

    @property
    def ring(self) -> Ring:
        """The ring at present, replaced as a whole when it changes."""


@dataclass(frozen=True, slots=True)
class RoutingCounts:
    """What became of requests since the node started; each is in one of the first three.

    owned: this node is the owner. near: another one is, and the answer was known here. passed_on: another one was
    asked; unanswered: how many of these it gave no answer to, so that this node did.
    """

    owned: int = 0
    near: int = 0
    passed_on: int = 0
    unanswered: int = 0


class RoutedAnswers:
    """Answers checks, each by the node that owns it. Used from one event loop.

    Questions asked together go together, to the owner of the first: looked into jointly they cost a fraction of what
    they cost each on its own. Which schema version is the latest decides here only who is asked; the owner finds out
    for itself, as it does for head. me: the address of this node.
    """

    def __init__(self, local: LocalAnswers, owners: Owners, placement: Placement, me: str) -> None:
        self._local = local
        self._owners = owners
        self._placement = placement
        self._me = me
        self._hot_keys = HotKeys()
        self._versions: LRUCache[str, str] = LRUCache(_MOST_TENANTS)
        self._owned = self._near = self._passed_on = self._unanswered = 0

    @property
    def counts(self) -> RoutingCounts:
        """The figures at this moment."""
        return RoutingCounts(self._owned, self._near, self._passed_on, self._unanswered)

    async def answer(self, request: CheckRequest) -> Answered:
        """Answer at the request's token and version, else at head and the latest. Raises as ``LocalAnswers.answer``."""
        version = request.schema_version or self._versions.get(request.tenant, "")
        key = routing_key(request.tenant, version, request.questions[0])
        owner = self._placement.ring.owner(key)
        if owner == self._me:
            self._owned += 1
            return self._noted(request, await self._local.answer(request))
        is_single = len(request.questions) == 1
        if is_single and self._local.may_recall(request, version):
            recalled = await self._recalled(request)
            if recalled is not None:
                self._near += 1
                note(CACHE, "near")
                return recalled
        self._passed_on += 1
        is_hot = self._hot_keys.count(key) and is_single
        try:
            answered = await self._owners.ask(owner, request, timeout_s=_patience_s(), wants_evidence=is_hot)
        except NoAnswer:
            self._unanswered += 1
            return self._noted(request, await self._local.answer(request))
        if answered.evidence is not None:
            await self._keep_near(request, answered)
        return self._noted(request, answered)

    async def _recalled(self, request: CheckRequest) -> Answered | None:
        """What this node knows; None also if it cannot find out, since the owner may be better off."""
        try:
            return await self._local.recall(request)
        except AuthzError as error:
            if isinstance(error, OF_THE_REQUEST):
                raise
            return None

    async def _keep_near(self, request: CheckRequest, answered: Answered) -> None:
        """Keep an answer if that can be done; it is given, whether or not."""
        with suppress(AuthzError):
            await self._local.adopt(request, answered)

    def _noted(self, request: CheckRequest, answered: Answered) -> Answered:
        if not request.schema_version:
            self._versions[request.tenant] = answered.schema_version
        return answered


def _patience_s() -> float:
    left_s = time_left_s()
    return PATIENCE_S if left_s is None else min(PATIENCE_S, left_s / 2)
