"""What a server tells of its own API, so that tools such as grpcurl and ghz need no files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection


def reflection_servicer(names: Sequence[str]) -> Any:  # Any: the library has no types for the asynchronous one
    """Answers for the services of these names."""
    return reflection.aio.ReflectionServicer(names, pool=_Symbols())


class _Symbols:
    """The descriptors there are. Methods are found by name as well, which the library's own pool does not do.

    ghz asks for them, and servers in other languages answer.
    """

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - the pool's name
        """The file in which a type, a member of one, a service or a method is. Raises KeyError."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            found = self._pool.FindServiceByName(service)
            if method not in found.methods_by_name:
                raise
            return found.file
