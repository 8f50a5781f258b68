"""Both carriers of gRPC at the peer port, and nodes that have different ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.peers.two_nodes import CARRIERS, Carrier

_PAIRS = [
    (Carrier.NATIVE, Carrier.NATIVE),
    (Carrier.GRPCIO, Carrier.GRPCIO),
    (Carrier.NATIVE, Carrier.GRPCIO),
    (Carrier.GRPCIO, Carrier.NATIVE),
]


@pytest.fixture(params=_PAIRS, ids=lambda pair: f"{pair[0].value}-asked-by-{pair[1].value}")
def carriers(request: pytest.FixtureRequest) -> Iterator[None]:
    """What carries gRPC in ``two_nodes``; a module of tests that talk over a socket asks for it."""
    CARRIERS.serving, CARRIERS.asking = request.param
    yield
    CARRIERS.serving = CARRIERS.asking = Carrier.NATIVE
