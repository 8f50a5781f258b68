"""A seeded, drive-like workload: users in nested groups, folders in folders, documents with exclusion and intersection.

Equal seeds and sizes give equal data and equal questions on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from model.attributes import Attribute
from model.check import Question
from model.tuples import EntityRef, RelationTuple, SubjectRef

DRIVE_SCHEMA = """
entity user {}

entity group {
  relation member @user @group#member
}

entity folder {
  relation parent @folder
  relation owner @user
  relation editor @user @group#member
  relation viewer @user @group#member

  permission edit = owner or editor or parent.edit
  permission view = viewer or edit or parent.view
}

entity document {
  relation parent @folder
  relation owner @user
  relation viewer @user @group#member
  relation blocked @user @group#member
  relation cleared @user @group#member

  permission edit = owner or parent.edit
  permission view = (viewer or edit or parent.view) not blocked
  permission sign = edit and cleared
}
"""

TUPLES_PER_DOCUMENT = 2.6  # one parent, one owner, and the odd viewer, block and clearance
PERMISSIONS = ("view", "view", "view", "edit", "sign")


@dataclass(frozen=True)
class DriveWorkload:
    """About ``size`` tuples: a tenth of them group membership, a tenth folders, the rest documents."""

    size: int = 100_000
    seed: int = 1

    @property
    def schema(self) -> str:
        """What the data lies under."""
        return DRIVE_SCHEMA

    @property
    def users(self) -> int:
        """How many users there are."""
        return max(10, self.size // 20)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return max(5, self.size // 250)

    @property
    def folders(self) -> int:
        """How many folders there are."""
        return max(5, self.size // 25)

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return max(10, int(self.size * 0.78 / TUPLES_PER_DOCUMENT))

    def tuples(self) -> Iterator[RelationTuple]:
        """The data, without repetition, group by group, folder by folder, document by document; none of it is kept."""
        chance = random.Random(self.seed)
        for entity_rows in self._entities(chance):
            yield from dict.fromkeys(entity_rows)  # only a group may be drawn the same member twice

    def attributes(self) -> Iterator[Attribute]:
        """None."""
        return iter(())

    def questions(self, count: int) -> Iterator[Question]:
        """Questions about random documents, no two about the same document and user.

        Half of them are asked by somebody who owns the document or a folder it lies in, as people mostly ask about
        what is theirs; the others by anybody. Raises ValueError for more than half of all there could be.
        """
        if count > self.documents * self.users // 2:
            raise ValueError(f"{count} questions are too many for {self.documents} documents and {self.users} users")
        chance = random.Random(self.seed + 1)
        rows = list(self.tuples())
        owners = {(row.entity_type, row.entity_id): row.subject_id for row in rows if row.relation == "owner"}
        parents = {(row.entity_type, row.entity_id): row.subject_id for row in rows if row.relation == "parent"}
        asked: set[tuple[str, str]] = set()
        while len(asked) < count:
            document = f"d{chance.randrange(self.documents)}"
            owned = [owners["document", document]]
            folder = parents.get(("document", document))
            while folder is not None:
                owned.append(owners["folder", folder])
                folder = parents.get(("folder", folder))
            user = chance.choice(owned) if chance.random() < 0.5 else self._user(chance)
            if (document, user) not in asked:
                asked.add((document, user))
                yield Question(EntityRef("document", document), chance.choice(PERMISSIONS), SubjectRef("user", user))

    def _entities(self, chance: random.Random) -> Iterator[Iterator[RelationTuple]]:
        for group in range(self.groups):
            yield self._group(chance, group)
        for folder in range(self.folders):
            yield self._folder(chance, folder)
        for document in range(self.documents):
            yield self._document(chance, document)

    def _group(self, chance: random.Random, group: int) -> Iterator[RelationTuple]:
        """Some 25 users, and one of three groups lies in an earlier one, so that groups hold others up to six deep."""
        for _ in range(chance.randrange(10, 40)):
            yield RelationTuple("group", f"g{group}", "member", "user", self._user(chance))
        if group and chance.random() < 0.33:
            yield RelationTuple("group", f"g{chance.randrange(group)}", "member", "group", f"g{group}", "member")

    def _folder(self, chance: random.Random, folder: int) -> Iterator[RelationTuple]:
        """All but one in 50 lie in an earlier folder, so that documents lie about four folders deep."""
        if folder and chance.random() < 0.98:
            yield RelationTuple("folder", f"f{folder}", "parent", "folder", f"f{folder // chance.randrange(4, 12)}")
        yield RelationTuple("folder", f"f{folder}", "owner", "user", self._user(chance))
        if chance.random() < 0.3:
            yield RelationTuple("folder", f"f{folder}", "viewer", "group", self._group_id(chance), "member")
        if chance.random() < 0.1:
            yield RelationTuple("folder", f"f{folder}", "editor", "group", self._group_id(chance), "member")

    def _document(self, chance: random.Random, document: int) -> Iterator[RelationTuple]:
        name = f"d{document}"
        yield RelationTuple("document", name, "parent", "folder", f"f{chance.randrange(self.folders)}")
        yield RelationTuple("document", name, "owner", "user", self._user(chance))
        if chance.random() < 0.3:
            yield RelationTuple("document", name, "viewer", "user", self._user(chance))
        if chance.random() < 0.1:
            yield RelationTuple("document", name, "viewer", "group", self._group_id(chance), "member")
        if chance.random() < 0.1:
            yield RelationTuple("document", name, "blocked", "user", self._user(chance))
        if chance.random() < 0.1:
            yield RelationTuple("document", name, "cleared", "group", self._group_id(chance), "member")

    def _user(self, chance: random.Random) -> str:
        return f"u{chance.randrange(self.users)}"

    def _group_id(self, chance: random.Random) -> str:
        return f"g{chance.randrange(self.groups)}"


def folder_chain(depth: int) -> Iterator[RelationTuple]:
    """Folders ``deep0`` to ``deep<depth>``, each in the one before; ``user:top`` owns the outermost."""
    yield RelationTuple("folder", "deep0", "owner", "user", "top")
    for level in range(1, depth + 1):
        yield RelationTuple("folder", f"deep{level}", "parent", "folder", f"deep{level - 1}")


def wide_group(members: int) -> Iterator[RelationTuple]:
    """``group:wide`` with that many direct members ``m0`` …, which may view ``document:wide``."""
    yield RelationTuple("document", "wide", "viewer", "group", "wide", "member")
    for member in range(members):
        yield RelationTuple("group", "wide", "member", "user", f"m{member}")


def shelves(folders: int, documents: int) -> Iterator[RelationTuple]:
    """Documents spread evenly over folders, all of which ``user:librarian`` may view."""
    names = [f"shelf{number}-of-{folders}" for number in range(folders)]
    for name in names:
        yield RelationTuple("folder", name, "viewer", "user", "librarian")
    for document in range(documents):
        yield RelationTuple("document", f"{folders}-{document:06}", "parent", "folder", names[document % folders])
