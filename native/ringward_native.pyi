"""gRPC over HTTP/2 on a thread of its own, in front of one event loop; see native/src/lib.rs."""

from collections.abc import Sequence
from typing import Any, Protocol, final

ONE: int
"""A method takes one message."""
STREAM_FROM_FIRST: int
"""It takes a stream of messages, and begins with the first of them, which says what is wanted."""
STREAM: int
"""It takes a stream of messages, and begins before there is any."""

BEGAN: int
"""A call, with its first message unless it is of a ``STREAM``; None for one of ``STREAM_FROM_FIRST`` that has none."""
MESSAGE: int
"""A message of a stream, by the call's id: a further one of a call's request, or any of the answer to a call made."""
REQUEST_ENDED: int
"""The end of a streaming request, by the call's id, with None for a message."""
ROOM: int
"""A call, by its id, takes messages again after ``Call.send`` was False."""
GONE: int
"""The client of a call, by its id, has gone or its time is over: no answer is waited for. Calls known to no one too."""
OPENED: int
"""A call that was made, by its id, is answered; with the metadata the answer opens with."""
ENDED: int
"""A call that was made, by its id, has ended; with the code and the message of its status."""
CLOSED: int
"""A listener, by its id, has ended: no connection is left."""

@final
class Call:
    """One call, taken or made. Whatever is said after its end is dropped."""

    @property
    def id(self) -> int:
        """Unique for the transport."""

    @property
    def method(self) -> int:
        """The number of its method, as the listener was told; of no meaning for a call that was made."""

    @property
    def peer(self) -> str:
        """Where it comes from, or goes: ``host:port``."""

    def header(self, name: str) -> str | None:
        """The first value of the call's metadata by that name, in small letters."""

    def metadata(self) -> list[tuple[str, str]]:
        """All of the call's metadata."""

    def time_left_s(self) -> float | None:
        """Seconds until the client's deadline, at least 0; None if it has none."""

    def reply(self, message: bytes) -> None:
        """End a call that was taken with its only message. Raises ValueError for one of 4 GiB or more."""

    def open(self, metadata: Sequence[tuple[str, str]] = ...) -> None:
        """Send the head of the response before there is a message. Raises ValueError for what is no metadata."""

    def send(self, message: bytes) -> bool:
        """Send a message of a stream; False if the next should wait until there is ``ROOM``. Raises as ``reply``."""

    def finish(self) -> None:
        """End what is sent, and with it a call that was taken: well."""

    def fail(self, code: int, message: str, details: bytes) -> None:
        """End a call that was taken with a status. details: a serialized google.rpc.Status, or nothing."""

    def ask(self) -> None:
        """Have the transport read another message of a stream."""

    def give_up(self) -> None:
        """Want no more of a call that was made: it ends at once."""

class Bounds(Protocol):
    """How connections and calls are held: bytes of a message and of a call's metadata; connections that were taken, of
    which those beyond are closed at once, and calls on each; seconds between pings, and until one must be answered.
    """

    @property
    def message_bytes(self) -> int: ...
    @property
    def metadata_bytes(self) -> int: ...
    @property
    def connections(self) -> int: ...
    @property
    def calls_per_connection(self) -> int: ...
    @property
    def ping_s(self) -> float: ...
    @property
    def pong_s(self) -> float: ...

@final
class CallerTls:
    """What encrypted ports are called with: whose certificates are accepted, and the own one; PEM.

    server_name: what certificates there are made out to, if not to the host that is called. Raises ValueError if they
    cannot be used.
    """

    def __init__(self, ca: bytes, cert: bytes, key: bytes, server_name: str = "") -> None: ...

@final
class Transport:
    """What listens, what calls others, and the thread all of it runs on."""

    def __init__(self) -> None: ...
    def start(self) -> None:
        """Start the thread. It can be started again once it was closed."""

    def listener(self, methods: Sequence[tuple[str, int, int]], bounds: Bounds) -> Listener:
        """What can listen. methods: full name, number and what it takes of each; others are UNIMPLEMENTED."""

    def channel(self, address: str, bounds: Bounds, tls: CallerTls | None = None) -> Channel:
        """A way to ``host:port``. Raises ValueError for an address no certificate can be made out to."""

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to drain."""

    def drain(self) -> list[tuple[int, Any, Any]]:
        """What has happened since, in order: what it is; the call, or the id of call or listener; what comes along."""

    def close(self) -> None:
        """Cut off what is left, and wait for the thread to end."""

@final
class Channel:
    """A connection to a server, for as long as this lives; opened by the first call, and anew if it has broken."""

    def call(self, path: str, metadata: Sequence[tuple[str, str]] = ...) -> Call:
        """Make a call of a method, streaming or not. The transport must run. Raises ValueError for what is no metadata.

        Whatever else goes wrong ends the call.
        """

@final
class Listener:
    """A port, and what is served there."""

    @property
    def id(self) -> int:
        """Unique for the transport."""

    def use_tls(self, cert: bytes, key: bytes, client_ca: bytes | None = None) -> None:
        """Encrypt connections taken from now on. PEM; client_ca: ask clients for a certificate signed by one of these.

        Raises ValueError if they cannot be used.
        """

    def listen(self, address: str) -> int:
        """Listen on ``host:port``; the port, which for 0 is a free one. Raises OSError. The transport must run."""

    @property
    def connections(self) -> int:
        """How many that were taken are open."""

    @property
    def refused(self) -> dict[str, int]:
        """How many connections and calls were refused without an event, for each reason there is.

        connections, not_grpc, unimplemented, too_large, malformed, too_slow, cut_off.
        """

    def refuse_new(self) -> None:
        """Take no new connections and no new calls; those under way go on."""

    def close(self) -> None:
        """Cut off what is left; ``CLOSED`` says when that is done."""
