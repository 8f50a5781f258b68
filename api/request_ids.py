"""Request ids: what a call is named by in logs and on other nodes, given by its client or made when it is needed."""

from __future__ import annotations

from api.observation import CallHead, EdgeTransport
from telemetry.calls import RequestIds, Served, set_call


class CallIds:
    """Lets all that is done for a call know its id. Fulfils ``Observer`` and, of every RPC alike, ``RpcObserver``."""

    def __init__(self) -> None:
        self._makes = RequestIds()

    def of(self, transport: EdgeTransport, rpc: str) -> CallIds:  # noqa: ARG002 - a port
        """See ``Observer``."""
        return self

    def began(self, call: CallHead) -> None:
        """See ``RpcObserver``; a call that has ended needs its id no longer, and its task neither."""
        set_call(Served(call, self._makes))
