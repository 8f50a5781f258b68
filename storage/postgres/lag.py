"""How far the replica lies behind, measured by what matters here: which heads it could be asked at.

Heads of the writer are noted with the time they were read. The lag is the age of the oldest that the replica does not
show yet. So it needs none of the server's own figures, which managed databases do not give, and which say nothing of a
transaction that goes on for long: the replica cannot tell then what it shows beyond it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from model.errors import StorageFailed, Unavailable
from model.snapshot import Snapshot
from storage.postgres.heads import Heads
from storage.postgres.reading import SnapshotReads

_MOST_NOTED = 1000  # heads; those that come while so many wait are not noted


class ReplicaLag:
    """Looks at heads and the replica whenever it is asked to; so it tells no more exactly than that is often."""

    def __init__(self, heads: Heads, reads: SnapshotReads, clock: Callable[[], float] = time.monotonic) -> None:
        self._heads = heads
        self._reads = reads
        self._clock = clock
        self._noted: deque[tuple[float, Snapshot]] = deque()

    def __repr__(self) -> str:
        return f"<ReplicaLag over {len(self._noted)} heads>"

    async def look_s(self) -> float:
        """The lag now. A replica that does not answer shows nothing new. Raises as ``Heads.sight``."""
        head = (await self._heads.sight("")).news.head.snapshot
        is_new = not self._noted or self._noted[-1][1] != head
        if is_new and len(self._noted) < _MOST_NOTED:
            self._noted.append((self._clock(), head))
        try:
            view = await self._reads.view_of_replica()
        except (Unavailable, StorageFailed):
            view = None
        while view and self._noted and view.covers(self._noted[0][1]):
            self._noted.popleft()
        return self._clock() - self._noted[0][0] if self._noted else 0.0
