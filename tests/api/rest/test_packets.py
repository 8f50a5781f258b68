"""Answers are sent as they are written: no piece waits for the client to acknowledge the one before."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from proto.base.v1 import base_pb2
from proto.base.v1 import service_pb2 as pb
from tests.api.rest.serving import CAN, CHECK, check_by, served


async def test_a_connection_sends_small_pieces_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on the accepted connection itself, since asyncio sees to it only for the sockets it opens itself."""
    seen: list[int] = []

    async def look(_request: Any) -> pb.PermissionCheckResponse:
        seen.extend(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in accepted)
        return pb.PermissionCheckResponse(can=base_pb2.CHECK_RESULT_ALLOWED)

    accepted: list[socket.socket] = []
    accept = socket.socket.accept

    def remembered(listener: socket.socket) -> tuple[socket.socket, Any]:
        connection, address = accept(listener)
        accepted.append(connection)
        return connection, address

    monkeypatch.setattr(socket.socket, "accept", remembered)
    async with served(check_by(look)) as client:
        assert (await client.post(CHECK, CAN)).status == 200
    assert seen
    assert all(seen)
