"""The ports every store fulfils, and the promises their callers rely on.

Shared promises:

- Errors are ours (``model/errors.py``); no driver exception and no driver text leaves a store.
- Everything is scoped by tenant, and no tenant needs to be created before it is used.
- Names and ids are any text without NUL; a store may refuse text that has one, or that is not valid Unicode, by
  InvalidRequest.
- A write is one transaction: after it returns it is durable and visible at every later head; if it raises, nothing of
  it is visible ever. A cancelled write may or may not have happened, never half.
- A snapshot returned by a write sees that write (read-your-write); reads at equal snapshots give equal results,
  however much is written in between, until the snapshot falls behind the horizon and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, NamedTuple, Protocol, TypeVar

from model.attributes import Attribute, AttributeValue, EntityAttribute
from model.snapshot import Snapshot
from model.tuples import RelationTuple, SubjectRef

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Which facts about an entity matter to a question; made once per schema and shared by all reads of that sort.

    Compared by identity, so that stores can keep what they prepare for it at the price of a pointer.

    memberships: relations the subject itself may hold. usersets: relations whose usersets matter. subjects: relations
    all of whose subjects matter. attributes: names. Each sorted, without repetition.
    """

    memberships: tuple[str, ...] = ()
    usersets: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


class EntityRead(NamedTuple):
    """What one round of a walk wants to know of one entity, on behalf of one subject."""

    entity_type: str
    entity_id: str
    subject: SubjectRef
    wanted: Wanted


class Facts(NamedTuple):
    """What is stored of an entity, of what was wanted; a relation or attribute without anything stored is left out.

    memberships: the relations that hold exactly the subject. usersets, subjects: by relation, in byte order of
    (relation, type, id).
    """

    memberships: Set[str]
    usersets: Mapping[str, Sequence[SubjectRef]]
    subjects: Mapping[str, Sequence[SubjectRef]]
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class TupleFilter:
    """Conjunction of the non-empty parts; id lists mean any of them. An empty filter matches everything."""

    entity_type: str = ""
    entity_ids: Sequence[str] = ()
    relation: str = ""
    subject_type: str = ""
    subject_ids: Sequence[str] = ()
    subject_relation: str = ""

    @property
    def is_empty(self) -> bool:
        """True if no part restricts anything."""
        return self == TupleFilter()


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """Conjunction of the non-empty parts; lists mean any of them. An empty filter matches everything."""

    entity_type: str = ""
    entity_ids: Sequence[str] = ()
    names: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """True if no part restricts anything."""
        return self == AttributeFilter()


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: at most ``size`` (≥ 1) items from where ``token`` says, empty for the start."""

    size: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list in its order, and the token of the next part; empty when nothing follows."""

    items: Sequence[T]
    next_token: str


@dataclass(frozen=True, slots=True)
class Changeset:
    """Changes applied in this order: tuples written, attributes written, tuples deleted, attributes deleted.

    Writing a tuple that is there changes nothing; writing an attribute replaces its value; deleting what is not there
    changes nothing. Among attributes of equal key the last one written wins.
    """

    tuples_written: Sequence[RelationTuple] = ()
    attributes_written: Sequence[Attribute] = ()
    tuples_deleted: Sequence[RelationTuple] = ()
    attributes_deleted: Sequence[EntityAttribute] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest state of a tenant: what is visible, and its latest schema version, empty if it has none."""

    snapshot: Snapshot
    schema_version: str


class Touch(NamedTuple):
    """What one transaction touched: tuples that came or went, attributes that came, went or changed; in any order."""

    xid: int
    items: Sequence[RelationTuple | EntityAttribute]


@dataclass(frozen=True, slots=True)
class News:
    """The newest state of a tenant, and what lies between it and a snapshot known before.

    history: names the line of history that transaction ids count in. Once it differs, nothing known before says
    anything about what comes: another server answers, or this one was restored or restarted. touches: of each
    transaction of the tenant that the head sees and the earlier snapshot does not; None if nobody asked, or if that is
    too much or can no longer be told: then anything may have been touched.
    """

    head: Head
    history: str
    touches: Sequence[Touch] | None


@dataclass(frozen=True, slots=True)
class SchemaRecord:
    """One stored schema version: the canonical text under an id that sorts by time. Source: reference wire-api §10."""

    version: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tenant:
    """A registered tenant. created_at is in UTC."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BundleOperation:
    """Templates of one step of a bundle, applied in the order of a Changeset."""

    relationships_write: Sequence[str] = ()
    relationships_delete: Sequence[str] = ()
    attributes_write: Sequence[str] = ()
    attributes_delete: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A named set of templated changes. Source: reference semantics §11."""

    name: str
    arguments: Sequence[str]
    operations: Sequence[BundleOperation]


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What one pass of garbage collection did. horizon: the commit below which snapshots are now refused."""

    horizon: Snapshot
    tuples_removed: int
    attributes_removed: int


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Entities of a type whose relation holds any of some subjects of one type and relation."""

    entity_type: str
    relation: str
    subject_type: str
    subject_relation: str
    subject_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class WithAttribute:
    """Entities of a type that have a value stored for an attribute; with ``is_true`` the boolean true."""

    entity_type: str
    name: str
    is_true: bool = False


@dataclass(frozen=True, slots=True)
class KnownEntities:
    """Entities of a type that occur in any tuple, as entity or as subject, or have any attribute."""

    entity_type: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Subjects of one type and relation that a relation of an entity holds directly."""

    entity_type: str
    entity_id: str
    relation: str
    subject_type: str
    subject_relation: str


@dataclass(frozen=True, slots=True)
class KnownSubjects:
    """Subjects of one type and relation that occur as such in any tuple."""

    subject_type: str
    subject_relation: str


Listing = HeldBy | WithAttribute | KnownEntities | Holders | KnownSubjects
"""What a list of ids can be asked for."""


class Stretch(NamedTuple):
    """Part of a list of ids: in byte order, without repetition, and complete from where it was asked to begin.

    through: complete up to this id, itself included; None if complete to the end.
    """

    ids: Sequence[str]
    through: str | None


class SnapshotReader(Protocol):
    """Reads at a pinned snapshot. Every method raises SnapshotExpired for a snapshot behind the horizon."""

    async def read(self, tenant: str, snapshot: Snapshot, reads: Sequence[EntityRead]) -> Sequence[Facts]:
        """Answer a whole batch at one snapshot, aligned with the reads; a read may occur twice.

        What memberships and usersets cost does not grow with the number of direct subjects of their relations.
        """

    async def list_ids(
        self, tenant: str, snapshot: Snapshot, listings: Sequence[Listing], *, beyond: str, about: int
    ) -> Sequence[Stretch]:
        """A stretch of ids greater than ``beyond`` of each listing, aligned with them.

        A stretch has about so many ids, or ends with the list; it always has at least one if there are any, so that
        asking again from where it is complete reaches the end.
        """

    async def read_tuples(
        self, tenant: str, snapshot: Snapshot, where: TupleFilter, page: PageRequest
    ) -> Page[RelationTuple]:
        """Matching tuples in order of writing. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""

    async def read_attributes(
        self, tenant: str, snapshot: Snapshot, where: AttributeFilter, page: PageRequest
    ) -> Page[Attribute]:
        """Matching attributes in order of writing. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""


class DataWriter(Protocol):
    """Changes tuples and attributes. Even a change of nothing is a transaction and gives a new snapshot."""

    async def write(self, tenant: str, changesets: Sequence[Changeset]) -> Snapshot:
        """Apply the changesets one after another in one transaction; the snapshot that sees it."""

    async def delete(self, tenant: str, tuples: TupleFilter | None, attributes: AttributeFilter | None) -> Snapshot:
        """Delete what matches, in one transaction; None deletes nothing of that sort, an empty filter everything."""


class Operation(Enum):
    """What a change did."""

    CREATE = "create"
    DELETE = "delete"


class Change(NamedTuple):
    """One tuple or attribute that came or went. A value replaced is a DELETE of the old and a CREATE of the new."""

    operation: Operation
    item: RelationTuple | Attribute


class Commit(NamedTuple):
    """What one transaction changed: tuples, then attributes, each in order of writing.

    snapshot sees the transaction and every one the feed gave before it, so it is where to go on from. changes is empty
    for a transaction that changed nothing.
    """

    snapshot: Snapshot
    changes: Sequence[Change]


class ChangeFeed(Protocol):
    """What was committed, tenant by tenant: without gaps, in commit order, each transaction once."""

    async def commits_since(self, tenant: str, since: Snapshot, most: int) -> Sequence[Commit]:
        """The tenant's next transactions after a snapshot, at most so many; empty if there are none yet.

        Raises SnapshotExpired for a snapshot behind the horizon, or from before the tenant was deleted: what came after
        it may be gone.
        """

    async def wait_for_commit(self, tenant: str, since: Snapshot) -> None:
        """Return once ``commits_since`` may have something to give; sooner at times, never later."""


class SchemaStore(Protocol):
    """Schema versions; written once, never changed."""

    async def write_schema(self, tenant: str, text: str, *, replacing: str | None = None) -> str:
        """Store a new version, which becomes the latest; its id.

        With ``replacing``, raises Conflict unless that is the latest version when the new one is stored.
        """

    async def read_schema(self, tenant: str, version: str) -> SchemaRecord | None:
        """One version, or None if the tenant has none of that id."""

    async def list_schemas(self, tenant: str, page: PageRequest) -> Page[SchemaRecord]:
        """Versions, newest first. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""


class TenantStore(Protocol):
    """The register of tenants; it bounds nothing else, any tenant id works without it."""

    async def create_tenant(self, tenant_id: str, name: str) -> Tenant:
        """Register a tenant. Raises Conflict (UNIQUE_CONSTRAINT) if the id is taken."""

    async def delete_tenant(self, tenant_id: str) -> None:
        """Remove a tenant and everything stored under it. Raises NotFound (NOT_FOUND) if it is not registered."""

    async def list_tenants(self, page: PageRequest) -> Page[Tenant]:
        """Registered tenants by id. Raises InvalidRequest (INVALID_CONTINUOUS_TOKEN) for a bad token."""


class BundleStore(Protocol):
    """Bundles by name."""

    async def write_bundles(self, tenant: str, bundles: Sequence[Bundle]) -> None:
        """Store the bundles in one transaction, each replacing one of its name."""

    async def read_bundle(self, tenant: str, name: str) -> Bundle | None:
        """The bundle, or None if there is none of that name."""

    async def delete_bundle(self, tenant: str, name: str) -> bool:
        """Remove the bundle; True if there was one."""


class NewsSource(Protocol):
    """What is new, for whoever keeps answers: heads, and what was touched on the way there."""

    async def news(self, tenant: str, since: Snapshot | None) -> News:
        """The newest state, read as ``Storage.head`` reads it; and what was touched since a snapshot, if one is given.

        Costs little more than a head while nothing was touched. What is told is complete even where it overlaps with
        garbage collection or with the deletion of the tenant; where it cannot be, ``touches`` is None.
        """


class Storage(SnapshotReader, DataWriter, ChangeFeed, NewsSource, SchemaStore, TenantStore, BundleStore, Protocol):
    """A whole store, open and ready."""

    async def head(self, tenant: str) -> Head:
        """The newest state, read after the call: every write acknowledged before it is visible in it."""

    async def collect_garbage(self, window_s: float) -> CollectionReport:
        """Move the horizon to the newest commit older than ``window_s`` seconds, then remove what nothing from there
        on can see. Safe beside reads and writes; the horizon never moves back.
        """

    async def ping(self) -> None:
        """Return if the store can read and write now; raises Unavailable or StorageFailed saying why not."""

    async def close(self) -> None:
        """Finish what is being written, then let go of everything held. Idempotent."""
