"""Values over a pipe between a run and the processes that make its load: pickles, each after its length."""

from __future__ import annotations

import asyncio
import pickle
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("!I")


def framed(value: object) -> bytes:
    """A value as it goes over the pipe."""
    packed = pickle.dumps(value)
    return _LENGTH.pack(len(packed)) + packed


def take(pipe: BinaryIO) -> Any:
    """The next value; waits for it. Raises EOFError once there are no more."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(pipe.read(*_LENGTH.unpack(head)))  # noqa: S301 - from a process of ours


async def receive(pipe: asyncio.StreamReader) -> Any:
    """The next value. Raises asyncio.IncompleteReadError once there are no more."""
    head = await pipe.readexactly(_LENGTH.size)
    return pickle.loads(await pipe.readexactly(*_LENGTH.unpack(head)))  # noqa: S301 - from a process of ours
