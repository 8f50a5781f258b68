"""Which commits can be read: from the horizon to the head. What each snapshot means in commit numbers."""

from __future__ import annotations

from model.errors import InvalidRequest, SnapshotExpired
from model.snapshot import Snapshot


class Timeline:
    """The newest commit and the horizon of an open store, kept in memory since one process owns the file.

    The writer thread publishes, after COMMIT only; anybody reads. Each field is one int that never shrinks and is
    replaced in one assignment, so no lock is needed.
    """

    __slots__ = ("_head", "_horizon", "_schemas_written")

    def __init__(self, *, head: int, horizon: int) -> None:
        self._head = head
        self._horizon = horizon
        self._schemas_written = 0

    @property
    def state(self) -> tuple[int, int]:
        """Differs from what it was before once anything but a bundle or a tenant's registration has been written."""
        return self._head, self._schemas_written

    @property
    def head(self) -> int:
        """The number of the newest commit; 0 before the first."""
        return self._head

    @property
    def horizon(self) -> int:
        """The oldest commit whose snapshot is answered."""
        return self._horizon

    def publish_head(self, number: int) -> None:
        """Make a finished commit visible to everyone who asks for the head from now on."""
        self._head = number

    def publish_schema(self, _: object = None) -> None:
        """Note that a schema version was stored. Called on the writer thread alone."""
        self._schemas_written += 1

    def publish_horizon(self, number: int) -> None:
        """Refuse snapshots older than a commit from now on. Must come before anything they see is removed."""
        self._horizon = max(self._horizon, number)

    def number_of(self, snapshot: Snapshot) -> int:
        """The commit whose state a snapshot shows.

        Raises InvalidRequest for a snapshot this store did not give, SnapshotExpired for one behind the horizon.
        """
        xmin, xmax, in_progress = snapshot
        number = xmax - 1
        if xmin != xmax or in_progress or number < 0:
            raise InvalidRequest(f"the snap token for {snapshot} was given by another kind of database")
        if number > self._head:
            raise InvalidRequest(
                f"the snap token for commit {number} was given by another database: the newest commit here is"
                f" {self._head}"
            )
        self.ensure_readable(number)
        return number

    def ensure_readable(self, number: int) -> None:
        """Raise SnapshotExpired if the horizon has passed a commit; what was read at it may be incomplete."""
        if number < self._horizon:
            raise SnapshotExpired(
                f"the snap token for commit {number} is too old: history before commit {self._horizon} has been"
                " collected"
            )

    def __repr__(self) -> str:
        return f"Timeline(horizon={self._horizon}, head={self._head})"
