"""The process the crash test kills: writes numbered groups, and says which were acknowledged.

python crash_writer.py FILE FIRST: group n is the tuples doc:n#viewer@user:0 to 4 and the value n of the attribute
counter:1$last; a line ``n token`` follows each acknowledged write.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from model.attributes import Attribute, AttributeKind, AttributeValue
from model.snapshot import encode_snap_token
from model.tuples import RelationTuple
from storage.base import Changeset, TupleFilter
from storage.sqlite import SqliteStorage

GROUP = 5


async def write_groups(path: Path, first: int) -> None:
    """Write until killed."""
    store = await SqliteStorage.open(path)
    for number in count(first):
        group = [RelationTuple("doc", str(number), "viewer", "user", str(i)) for i in range(GROUP)]
        counter = Attribute("counter", "1", "last", AttributeValue(AttributeKind.INTEGER, number))
        snapshot = await store.write("t1", [Changeset(group, [counter])])
        sys.stdout.write(f"{number} {encode_snap_token(snapshot)}\n")
        sys.stdout.flush()
        if number % 7 == 0:
            await store.delete("scratch", TupleFilter(), None)
            await store.collect_garbage(3600)


if __name__ == "__main__":
    asyncio.run(write_groups(Path(sys.argv[1]), int(sys.argv[2])))
