"""What the harness is put together from: workloads, which say what to ask, and systems, which say how it is asked.

A workload knows no system and a system no workload. Between them stand asks, in the words of the model: a system's
endpoint makes each into a request, ready to be sent, and reads the reply. Workload and endpoint are small values that
can be pickled: they are all a process that makes load is given, and it makes asks and requests by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from bench.harness.results import Loop, Parameter
from bench.harness.systems.database import Database
from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef


class Ability(Enum):
    """What not every system can do, or not so that it could be compared."""

    LOOKUP_ENTITIES = "lookup of entities"
    LOOKUP_SUBJECTS = "lookup of subjects"
    BULK_CHECK = "bulk check"
    CONTEXTUAL_TUPLES = "contextual tuples"
    ATTRIBUTES = "attributes and rules"


@dataclass(frozen=True, slots=True)
class Check:
    """One question. context: tuples that come with it. expected: the verdict, where the workload knows it."""

    question: Question
    context: tuple[RelationTuple, ...] = ()
    expected: bool | None = None


@dataclass(frozen=True, slots=True)
class LookupEntities:
    """Which entities of a type a subject has a permission on, all of them. expected: how many, where it is known."""

    entity_type: str
    permission: str
    subject: SubjectRef
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class LookupSubjects:
    """Which subjects of a type have a permission on an entity, all of them. expected: how many, where it is known."""

    entity: EntityRef
    permission: str
    subject_type: str
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class BulkCheck:
    """Several questions in one request."""

    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Tuples to store in one request; some may be there already. aside: it goes on beside what is measured."""

    tuples: tuple[RelationTuple, ...]
    aside: bool = False


Ask: TypeAlias = Check | LookupEntities | LookupSubjects | BulkCheck | Write
Answer: TypeAlias = bool | tuple[bool, ...] | frozenset[str] | None
"""Of a check, a bulk check in the order asked, a lookup (ids), a write."""

Reply: TypeAlias = Sequence[bytes]
"""The messages a request was answered by: one, unless the answer is a stream."""


@dataclass(frozen=True, slots=True)
class Request:
    """An ask made ready: all that is left to do is to send it.

    method: ``/package.Service/Method`` for gRPC, the path for HTTP. check: whether a reply that is no error is an
    answer, and the expected one, if that is known; it decodes, so it has no place in what is timed. timed: False for
    what goes on beside what is measured.
    """

    method: str
    body: bytes
    check: Callable[[Reply], bool] | None = None
    timed: bool = True


class CallFailed(Exception):
    """A request was answered by an error, or not at all. status: its name, from a closed set: ``UNAVAILABLE``."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status


class Connection(Protocol):
    """An open way to a system, over one connection or several used in turn."""

    async def call(self, request: Request) -> Reply:
        """Send, once, and wait for the whole reply. Raises CallFailed."""


class Endpoint(Protocol):
    """Where and how a system is asked about one dataset. A value that can be pickled.

    addresses: ``host:port`` of each server. transport: ``grpc`` without TLS, or ``http``. headers: of each request.
    """

    @property
    def addresses(self) -> Sequence[str]: ...  # noqa: D102 - said above

    @property
    def transport(self) -> Literal["grpc", "http"]: ...  # noqa: D102 - said above

    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102 - said above

    def connected(self, connections: int) -> AbstractAsyncContextManager[Connection]:
        """So many connections to each server, closed at the end."""

    def request(self, ask: Ask) -> Request:
        """The ask made ready. Raises ValueError for what the system cannot do."""

    def answer(self, ask: Ask, reply: Reply) -> Answer:
        """What the system says. Raises ValueError for a reply that is no answer."""


class Dataset(Protocol):
    """A schema and what is stored under it. Equal ones hold the same, whoever makes them. It can be pickled.

    schema: in Ringward's language, which systems translate.
    """

    @property
    def schema(self) -> str: ...  # noqa: D102 - said above

    def tuples(self) -> Iterator[RelationTuple]:
        """All of them, none twice, always in the same order; made one by one."""

    def attributes(self) -> Iterator[Attribute]:
        """All of them, likewise."""

    def __hash__(self) -> int: ...


class Workload(Protocol):
    """Something to ask, again and again: a value that can be pickled.

    name: what it measures; parameters: the sizes of this one. Together they are its identity. loop, rate_per_s (of an
    open loop, else None), callers: how it is asked unless told otherwise. items: how many things one ask carries.
    needs: what a system must be able to do.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said above

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...  # noqa: D102 - said above

    @property
    def dataset(self) -> Dataset: ...  # noqa: D102 - said above

    @property
    def loop(self) -> Loop: ...  # noqa: D102 - said above

    @property
    def rate_per_s(self) -> float | None: ...  # noqa: D102 - said above

    @property
    def callers(self) -> int: ...  # noqa: D102 - said above

    @property
    def items(self) -> int: ...  # noqa: D102 - said above

    @property
    def needs(self) -> frozenset[Ability]: ...  # noqa: D102 - said above

    def warm_up(self) -> Iterator[Ask]:
        """What to ask once before each measured stretch, in order; nothing where answers must not be cached."""

    def asks(self, *, share: int = 0, shares: int = 1) -> Iterator[Ask]:
        """What one of several processes asks: together they ask all, each something else.

        Endless, but for a workload that never asks the same twice: it ends when there is nothing new to ask.
        """

    def sample(self) -> Iterator[Ask]:
        """Some asks that change nothing and that all systems must answer alike; not among those of asks if they are
        never to be seen before.
        """


class System(Protocol):
    """A system that runs, or is reached by its address.

    name: as rows and targets call it. version: as it says itself. note: what a reader must know to judge it.
    processes: the pid of each server process and of the database, which all others of theirs are below; empty if it
    runs elsewhere. measures: figures of its start, such as ``start to ready, s``.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said above

    @property
    def version(self) -> str: ...  # noqa: D102 - said above

    @property
    def note(self) -> str: ...  # noqa: D102 - said above

    @property
    def processes(self) -> Mapping[str, int]: ...  # noqa: D102 - said above

    @property
    def measures(self) -> Mapping[str, float]: ...  # noqa: D102 - said above

    async def load(self, dataset: Dataset) -> Endpoint:
        """Store a dataset, in place of what was loaded before. Raises CallFailed; ValueError for what it cannot do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system may be started.

    folder: empty, its own. database: where it may ask for the PostgreSQL server, to make a database of its own on.
    """

    folder: Path
    database: Database


class Launch(Protocol):
    """How to get a system.

    name: as that of the system. parameters: sizes of it, which rows tell beside the workload's. abilities: what it can
    do.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said above

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...  # noqa: D102 - said above

    @property
    def abilities(self) -> frozenset[Ability]: ...  # noqa: D102 - said above

    def started(self, place: Place) -> AbstractAsyncContextManager[System]:
        """The system, serving while the context lasts; its processes are ended however the context ends.

        Raises NotStarted if it does not serve in time.
        """


class NotStarted(Exception):
    """A program did not begin to serve; the text holds the end of what it said."""
