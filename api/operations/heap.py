"""What memory was taken within a while and is still held, by where it was taken.

Tracing every allocation makes a node two to three times slower, so it is done only meanwhile; what was there before
is not told. A node started with ``PYTHONTRACEMALLOC`` traces always, and all of it is told.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from api.operations.pprof import Kind, Place, ProfileWriter

_DEEPEST = 32  # calls of a stack, the innermost
_SPACE = Kind("inuse_space", "bytes")


@contextmanager
def traced() -> Iterator[None]:
    """Traces what is allocated while the context lasts, unless that is done already."""
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start(_DEEPEST)
    try:
        yield
    finally:
        tracemalloc.stop()


def as_pprof(snapshot: tracemalloc.Snapshot) -> bytes:
    """A profile for ``go tool pprof``: how many blocks are held, and how large they are together."""
    writer = ProfileWriter(Kind("inuse_objects", "count"), _SPACE)
    for found in snapshot.statistics("traceback"):
        stack = [Place(f"{frame.filename}:{frame.lineno}", frame.filename, frame.lineno) for frame in found.traceback]
        writer.add(stack[::-1], found.count, found.size)
    return writer.written()
