"""gRPC over HTTP/2 on a thread of its own, in front of one event loop; see native/src/lib.rs."""

from collections.abc import Sequence
from typing import Any, final

BEGAN: int
"""A call, with its first message; None for a streaming request that has none."""
MESSAGE: int
"""A further message of a streaming request, by the call's id."""
REQUEST_ENDED: int
"""The end of a streaming request, by the call's id, with None for a message."""
ROOM: int
"""A call, by its id, takes responses again after ``Call.send`` was False."""
GONE: int
"""The client of a call, by its id, has gone or its time is over: no answer is waited for. Calls known to no one too."""
CLOSED: int
"""The server has ended: no connection is left."""

@final
class Call:
    """One call. Everything said after its end, or its client's, is dropped."""

    @property
    def id(self) -> int:
        """Unique for the server."""

    @property
    def method(self) -> int:
        """The place of its method among those the server was made with."""

    def header(self, name: str) -> str | None:
        """The first value of the call's metadata by that name, in small letters."""

    def time_left_s(self) -> float | None:
        """Seconds until the client's deadline, at least 0; None if it has none."""

    def reply(self, message: bytes) -> None:
        """End the call with its only message. Raises ValueError for one of 4 GiB or more."""

    def open(self) -> None:
        """Send the head of the response before there is a message."""

    def send(self, message: bytes) -> bool:
        """Send a message of a stream; False if the next should wait until there is ``ROOM``. Raises as ``reply``."""

    def finish(self) -> None:
        """End a stream well."""

    def fail(self, code: int, message: str, details: bytes) -> None:
        """End the call with a status. details: a serialized google.rpc.Status, or nothing."""

    def ask(self) -> None:
        """Have the transport read another message of a streaming request."""

@final
class Server:
    """One listening server.

    methods: the full names of what is served, and whether each takes a stream of requests. Others are refused with
    UNIMPLEMENTED. max_connections: beyond which new ones are closed at once.
    """

    def __init__(
        self,
        methods: Sequence[tuple[str, bool]],
        *,
        max_message_bytes: int,
        max_metadata_bytes: int,
        max_connections: int,
        calls_per_connection: int,
        ping_every_s: float,
        pong_within_s: float,
    ) -> None: ...
    def use_tls(self, cert: bytes, key: bytes, client_ca: bytes | None = None) -> None:
        """Encrypt connections made from now on. PEM; client_ca: ask clients for a certificate signed by one of these.

        Raises ValueError if they cannot be used.
        """

    def listen(self, address: str) -> int:
        """Listen on ``host:port``; the port, which for 0 is a free one. Raises OSError."""

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to drain."""

    def drain(self) -> list[tuple[int, Any, Any]]:
        """What has come in since, in order: what it is, the call or its id, its message."""

    @property
    def connections(self) -> int:
        """How many are open."""

    def refuse_new(self) -> None:
        """Take no new connections and no new calls; those under way go on."""

    def close(self) -> None:
        """Cut off what is left, and wait for the thread to end."""
