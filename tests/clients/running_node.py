"""A node as its users run it, a process of its own, for clients on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, NamedTuple

from tests.cli.program import TIMEOUT_S, read_until, started

_ARGUMENTS = (
    "--server-host=127.0.0.1",
    "--grpc-port=0",
    "--http-port=0",
    "--database-engine=memory",
    "--service-watch-enabled",
    "--log-output=json",
)


class Addresses(NamedTuple):
    """Where a node listens. grpc: ``host:port``; rest: a URL."""

    grpc: str
    rest: str


@contextmanager
def running_node(*arguments: str, home: Path, environment: Mapping[str, str] | None = None) -> Iterator[Addresses]:
    """A node for callers on this machine, with nothing in it unless told; at its end it must stop in good order."""
    with started("serve", *_ARGUMENTS, *arguments, home=home, environment=environment) as process:
        event = json.loads(read_until(process, "node started", from_stderr=True))
        reader = Thread(target=_read_to_the_end, args=[process.stderr])  # a full pipe would stop the node
        reader.start()
        try:
            yield Addresses(grpc=event["grpc"], rest=event["http"])
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(TIMEOUT_S)
            reader.join()
        assert code == 0


def _read_to_the_end(stream: IO[str] | None) -> None:
    for _ in stream or ():
        pass
