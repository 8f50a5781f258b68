"""Watch: the changes of a tenant as they are committed, one message for each transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from api.convert import attribute_to_proto, tuple_to_proto
from api.streams import Established, Stalled
from cluster.watch.tails import Tails
from model.errors import LimitExceeded, NotServed, Unavailable
from model.snapshot import Snapshot, decode_snap_token, encode_snap_token
from model.tuples import RelationTuple
from proto.base.v1 import base_pb2 as base
from proto.base.v1.service_pb2 import WatchRequest, WatchResponse
from storage.base import Change, Commit, Operation

_CHANGES_PER_TURN = 100  # about a millisecond
_OPERATIONS = {
    Operation.CREATE: base.DataChange.OPERATION_CREATE,
    Operation.DELETE: base.DataChange.OPERATION_DELETE,
}


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Whether changes can be followed, and how streams are kept alive and bounded.

    heartbeat_interval_s: after so long without a change a message without changes brings the current token. Shorter
    keeps tokens younger and shows sooner that a connection is dead; longer costs less where there are many idle
    streams. Keep it far below the window of garbage collection, or idle streams fall behind the horizon.
    stall_timeout_s: how long a client may leave a message untaken before its stream is ended. Longer forgives slower
    clients; until then each holds up to its transport's buffers and one message.
    """

    enabled: bool = False
    heartbeat_interval_s: float = 30.0
    stall_timeout_s: float = 30.0


class WatchService:
    """Serves every stream from the tails of this node."""

    def __init__(self, tails: Tails[WatchResponse], settings: WatchSettings) -> None:
        self._tails = tails
        self._settings = settings

    async def watch(self, request: WatchRequest) -> AsyncGenerator[WatchResponse | Established]:
        """What is committed after the token, or from now on; without end.

        Raises NotServed where watching is switched off, InvalidRequest for a bad token, SnapshotExpired for one behind
        the horizon. When the node stops (Unavailable) or the client stalls (LimitExceeded) the error names the token
        to go on from: that of the last message the transport has taken.
        """
        settings = self._settings
        if not settings.enabled:
            raise NotServed("watching is switched off on this server; service.watch.enabled switches it on")
        since = decode_snap_token(request.snap_token) if request.snap_token else None
        async with self._tails.following(request.tenant_id, since) as cursor:
            token = encode_snap_token(cursor.at)
            try:
                yield Established(settings.stall_timeout_s)
                while True:
                    response = await cursor.next(settings.heartbeat_interval_s) or heartbeat_at(cursor.at)
                    yield response
                    token = response.changes.snap_token
            except Stalled as error:
                raise LimitExceeded(f"{error}; {_remedy(token)}") from error
            except Unavailable as error:
                raise Unavailable(f"{error}; {_remedy(token)}", error.code) from error


def heartbeat_at(snapshot: Snapshot) -> WatchResponse:
    """The message that brings a token and no changes."""
    return WatchResponse(changes=base.DataChanges(snap_token=encode_snap_token(snapshot)))


async def response_of(commit: Commit) -> WatchResponse:
    """The message of a commit, made in turns: a commit can be of any size."""
    response = heartbeat_at(commit.snapshot)
    for start in range(0, len(commit.changes), _CHANGES_PER_TURN):
        if start:
            await asyncio.sleep(0)
        turn = commit.changes[start : start + _CHANGES_PER_TURN]
        response.changes.data_changes.extend([_change_to_proto(change) for change in turn])
    return response


def _change_to_proto(change: Change) -> base.DataChange:
    operation = _OPERATIONS[change.operation]
    if isinstance(change.item, RelationTuple):
        return base.DataChange(operation=operation, tuple=tuple_to_proto(change.item))
    return base.DataChange(operation=operation, attribute=attribute_to_proto(change.item))


def _remedy(token: str) -> str:
    return f"go on from the snap token {token}"
