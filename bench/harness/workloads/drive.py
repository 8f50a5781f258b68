"""Asks about the drive-like data, which bench/workload.py makes: questions nobody has asked, lookups, bulk checks."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from bench.harness.ports import BulkCheck, Check, LookupEntities, LookupSubjects
from bench.harness.workloads.numbers import scrambled, stride_of
from bench.harness.workloads.scripts import LANES
from bench.workload import PERMISSIONS, DriveWorkload
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class DriveQuestions:
    """Checks of documents, no two about the same document and user, all documents in turn.

    At first half of them are asked by somebody who owns the document or a folder it lies in, as people mostly ask about
    what is theirs, and the others by anybody; once all owners of a document have asked, only others do.
    """

    drive: DriveWorkload

    def numbered(self) -> Callable[[int], Check | None]:
        """Reads the whole data, once, and keeps 8 bytes of each document and folder."""
        users, documents = self.drive.users, self.drive.documents
        stride, owners = stride_of(documents), _owners(self.drive)

        def ask(number: int) -> Check | None:
            cycle, place = divmod(number, documents)
            if cycle >= users:
                raise IndexError(number)
            document = place * stride % documents
            owned_by = owners.of(document)
            if (cycle + place) % 2 == 0 and cycle // 2 < len(owned_by):
                user = owned_by[cycle // 2]
            elif (user := (scrambled(document) + cycle) % users) in owned_by:
                return None
            permission = PERMISSIONS[scrambled(number) % len(PERMISSIONS)]
            return Check(Question(_document(document), permission, _user(user)))

        return ask


@dataclass(frozen=True, slots=True)
class DriveBulkChecks:
    """The questions of a lane, so many at a time."""

    drive: DriveWorkload
    batch: int
    lane: int

    def numbered(self) -> Callable[[int], BulkCheck | None]:
        """As that of the questions."""
        single = DriveQuestions(self.drive).numbered()
        reserved = self.batch * 5 // 4 + 5  # some numbers have no question

        def ask(number: int) -> BulkCheck | None:
            places = range(number * reserved, (number + 1) * reserved)
            asked = (single(self.lane + place * LANES) for place in places)
            questions = tuple(islice((check.question for check in asked if check is not None), self.batch))
            return BulkCheck(questions) if len(questions) == self.batch else None

        return ask


@dataclass(frozen=True, slots=True)
class DriveContexts:
    """A guest of whom nothing is stored asks to view a document, and brings tuples: half of them let him in."""

    drive: DriveWorkload
    tuples: int

    def numbered(self) -> Callable[[int], Check | None]:
        """Endless."""
        documents = self.drive.documents
        stride = stride_of(documents)

        def ask(number: int) -> Check:
            document, guest = _document(number * stride % documents), f"guest{number}"
            is_member = number % 2 == 0
            others = self.tuples - 2
            context = (
                RelationTuple(*document, "viewer", "group", "guests", "member"),
                *(RelationTuple("group", "guests", "member", "user", f"other{each}") for each in range(others)),
                RelationTuple("group", "guests", "member", "user", guest if is_member else "somebody"),
            )
            return Check(Question(document, "view", SubjectRef("user", guest)), context, is_member)

        return ask


@dataclass(frozen=True, slots=True)
class DriveLookupsOfDocuments:
    """Which documents a user can view; all users in turn, and again, since no system keeps the answers."""

    drive: DriveWorkload

    def numbered(self) -> Callable[[int], LookupEntities | None]:
        """Endless."""
        stride = stride_of(self.drive.users)
        return lambda number: LookupEntities("document", "view", _user(number * stride % self.drive.users))


@dataclass(frozen=True, slots=True)
class DriveLookupsOfUsers:
    """Who can view a document; all documents in turn, and again."""

    drive: DriveWorkload

    def numbered(self) -> Callable[[int], LookupSubjects | None]:
        """Endless."""
        stride = stride_of(self.drive.documents)
        return lambda number: LookupSubjects(_document(number * stride % self.drive.documents), "view", "user")


def foreign_tuples(size: int, share: int) -> Iterator[RelationTuple]:
    """Endless data of the same shape, to be written beside what is there, with ids of its own for each share."""
    part = 0
    while True:
        mark = f"n{share}-{part}-"
        for row in DriveWorkload(size, seed=1_000 + part).tuples():
            yield row._replace(entity_id=mark + row.entity_id, subject_id=mark + row.subject_id)
        part += 1


class _Owners:
    """Who owns a document, or a folder it lies in."""

    def __init__(self, drive: DriveWorkload) -> None:
        blank = (
            array("i", [_NOBODY]) * many for many in (drive.documents, drive.documents, drive.folders, drive.folders)
        )
        self._owner, self._folder, self._folder_owner, self._folder_parent = blank
        tables = {
            ("document", "owner"): self._owner,
            ("document", "parent"): self._folder,
            ("folder", "owner"): self._folder_owner,
            ("folder", "parent"): self._folder_parent,
        }
        for row in drive.tuples():
            if (table := tables.get((row.entity_type, row.relation))) is not None:
                table[int(row.entity_id[1:])] = int(row.subject_id[1:])

    def of(self, document: int) -> list[int]:
        """Users, none twice, the document's owner first."""
        found = [self._owner[document]]
        folder = self._folder[document]
        while folder != _NOBODY:
            found.append(self._folder_owner[folder])
            folder = self._folder_parent[folder]
        return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _owners(drive: DriveWorkload) -> _Owners:
    """Kept for one load, which is asked about in several ways."""
    return _Owners(drive)


def _document(number: int) -> EntityRef:
    return EntityRef("document", f"d{number}")


def _user(number: int) -> SubjectRef:
    return SubjectRef("user", f"u{number}")
