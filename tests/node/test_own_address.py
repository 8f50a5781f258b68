"""A node that is not told where others reach it finds an address of this machine."""

from __future__ import annotations

import socket

import pytest

from node.own_address import own_host


def test_it_is_an_address_of_this_machine() -> None:
    host = own_host()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))  # only own addresses can be bound


def test_without_a_way_out_it_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost(socket.socket):
        def connect(self, _address: object, /) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Lost)
    assert own_host() == "127.0.0.1"
