"""A search for the entities a subject may act on: its windows, its way of listing and its way of checking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.backwards import leaves, read_backwards
from engine.check import check
from engine.closure import Closure
from engine.offers import Ids, Offers
from engine.overlay import overlay_of
from engine.plan import Plan
from engine.tally import Tally
from engine.windows import GivenWindows, Windows
from model.check import CheckAnswer, CheckRequest, Question, Verdict
from model.errors import AuthzError
from model.lookup import EntitiesRequest
from model.snapshot import Snapshot
from model.tuples import EntityRef
from storage.base import Listing, SnapshotReader, Stretch

_CHECKS_TOGETHER = 200


class EntitySearch:
    """One request over one snapshot.

    most_ids bounds what may be passed on the way, as in ``Closure``. named: as in ``Offers``. tally: what it costs is
    added to it; a batch of listings is a round and a read.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        plan: Plan,
        snapshot: Snapshot,
        request: EntitiesRequest,
        *,
        most_ids: int,
        named: Iterable[EntityRef] = (),
        tally: Tally | None = None,
    ) -> None:
        self._reader = reader
        self._plan = plan
        self._snapshot = snapshot
        self._request = request
        self._most_ids = most_ids
        self._named = named
        self._tally = tally or Tally()

    async def windows(self) -> Windows | GivenWindows:
        """The windows over the goal, every station found."""
        request = self._request
        goal = (request.entity_type, request.permission)
        overlay = overlay_of(request.context, self._plan.schema)
        backwards = read_backwards(self._plan, goal, request.subject, overlay)
        if request.scope.keys() == {request.entity_type} and all(kind != goal[0] for kind, _ in backwards.stations):
            return GivenWindows(request.scope[request.entity_type])  # the way there is free: nobody else qualifies
        offers = Offers(self._plan.schema, request.subject, overlay, self._named)
        closure = Closure(backwards, offers, self._list_ids, self._decide, scope=request.scope, most_ids=self._most_ids)
        stations = await closure.stations()
        return Windows(
            backwards.goal,
            {leaf: offers.of(leaf, stations) for leaf in leaves(backwards.goal)},
            self._list_ids,
            scope=request.scope.get(request.entity_type),
            is_restricted=bool(request.scope),
        )

    async def check(self, entity_type: str, name: str, ids: Sequence[str]) -> dict[str, CheckAnswer]:
        """The answer for each id. The question itself counts as no level of depth, as the contract has it."""
        if not ids:
            return {}
        request = self._request
        questions = [Question(EntityRef(entity_type, found), name, request.subject) for found in ids]
        together = CheckRequest(request.tenant, questions, request.depth + 1, context=request.context)
        answers = await check(self._reader, self._plan, self._snapshot, together, self._tally)
        return dict(zip(ids, answers, strict=True))

    async def _decide(self, entity_type: str, name: str, ids: Sequence[str]) -> Ids:
        decided = Ids()
        for part in parts_of(ids):
            answers = await self.check(entity_type, name, part)
            decided.sure.update(found for found, answer in answers.items() if answer.outcome is Verdict.ALLOWED)
            decided.unsure.update(found for found, answer in answers.items() if isinstance(answer.outcome, AuthzError))
        return decided

    async def _list_ids(self, listings: Sequence[Listing], beyond: str, about: int) -> Sequence[Stretch]:
        tenant = self._request.tenant
        self._tally.rounds += 1
        self._tally.reads += 1
        self._tally.entities_read += len(listings)
        return await self._reader.list_ids(tenant, self._snapshot, listings, beyond=beyond, about=about)


def parts_of(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids, as many at a time as are checked together."""
    for start in range(0, len(ids), _CHECKS_TOGETHER):
        yield ids[start : start + _CHECKS_TOGETHER]
