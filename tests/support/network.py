"""Another host, joined to this one by a cable that can swallow packets: nobody is told that they are lost.

The host is a network namespace. A packet is lost when it is sent to a hardware address nobody has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network

from tests.support.root import as_root, command_of_root

_FOR_TRIALS = IPv4Network("198.18.0.0/15")  # Source: RFC 2544
_OURS, _THEIRS, _NOBODYS = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"


@dataclass(frozen=True)
class OtherHost:
    """It has two addresses, by which it is reached over the same cable; what is lost is so for each on its own."""

    name: str
    here: str
    there: tuple[str, str]

    @property
    def through(self) -> tuple[str, ...]:
        """The start of a command that is to run over there, as whoever we are."""
        command = command_of_root("ip", "netns", "exec", self.name)
        if os.geteuid() == 0:
            return command
        return (*command, "setpriv", f"--reuid={os.getuid()}", f"--regid={os.getgid()}", "--clear-groups")

    def lose_what_is_sent(self, address: str) -> None:
        """From now on nothing we send to one of its addresses arrives."""
        as_root("ip", "neigh", "replace", address, "lladdr", _NOBODYS, "dev", _ours(self.name), "nud", "permanent")

    def lose_what_it_sends(self) -> None:
        """From now on nothing it sends arrives here."""
        self._answer_to(_NOBODYS)

    def lose_nothing(self) -> None:
        """From now on everything arrives, which it does at the beginning."""
        for address in self.there:
            as_root("ip", "neigh", "replace", address, "lladdr", _THEIRS, "dev", _ours(self.name), "nud", "permanent")
        self._answer_to(_OURS)

    def _answer_to(self, hardware: str) -> None:
        namespace = ("ip", "-n", self.name, "neigh", "replace")
        as_root(*namespace, self.here, "lladdr", hardware, "dev", _theirs(self.name), "nud", "permanent")


@contextmanager
def other_host() -> Iterator[OtherHost]:
    """A host that is there while the context lasts. Raises RootNeeded."""
    first = _FOR_TRIALS[os.getpid() % (_FOR_TRIALS.num_addresses // 8) * 8]  # others may run tests too
    host = OtherHost(f"ringward-{os.getpid()}", str(first + 1), (str(first + 2), str(first + 3)))
    as_root("ip", "netns", "add", host.name)
    try:
        with _cable(host):
            host.lose_nothing()
            yield host
    finally:
        as_root("ip", "netns", "delete", host.name)


@contextmanager
def _cable(host: OtherHost) -> Iterator[None]:
    ours, theirs = _ours(host.name), _theirs(host.name)
    peer = ("peer", "name", theirs, "address", _THEIRS, "netns", host.name)
    as_root("ip", "link", "add", ours, "address", _OURS, "type", "veth", *peer)
    try:
        as_root("ip", "address", "add", f"{host.here}/29", "dev", ours)
        as_root("ip", "link", "set", ours, "up")
        for address in host.there:
            as_root("ip", "-n", host.name, "address", "add", f"{address}/29", "dev", theirs)
        for device in ("lo", theirs):
            as_root("ip", "-n", host.name, "link", "set", device, "up")
        yield
    finally:
        as_root("ip", "link", "delete", ours)  # at once, while a namespace takes its time


def _ours(name: str) -> str:
    return f"rw{name.rpartition('-')[2]}a"


def _theirs(name: str) -> str:
    return f"rw{name.rpartition('-')[2]}b"
