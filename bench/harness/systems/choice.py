"""Which systems a run measures: ours, and of the peers those whose program or address is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.ports import Launch
from bench.harness.systems.permify import PermifyLaunch
from bench.harness.systems.ringward import RingwardCluster, RingwardFile, RingwardPostgres

OURS = ("ringward", "ringward-postgres", "ringward-cluster")
PEERS = ("permify", "spicedb", "openfga")

_ADDRESS = re.compile(r"[^/\s]+:[0-9]+")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    names: of systems, in the order of turns; by default the first two of ours and every peer that is given. nodes: the
    sizes of ``ringward-cluster``. flags: more options for ``ringward serve``, such as which transport serves. peers: by
    name, the program's path or the address ``host:port`` of each that is given. spicedb_key: what the one at an address
    asks for.
    """

    names: Sequence[str] = ()
    nodes: Sequence[int] = (1, 2, 3)
    flags: tuple[str, ...] = ()
    peers: Mapping[str, str] = field(default_factory=dict)
    spicedb_key: str = ""


def launches(choice: Choice) -> tuple[Launch, ...]:
    """How to get each. Raises ValueError for a name there is not, or a peer that is named and not given."""
    for name in choice.peers:
        if name not in PEERS:
            raise ValueError(f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    names = choice.names or (*OURS[:2], *(name for name in PEERS if name in choice.peers))
    return tuple(launch for name in names for launch in _launches(name, choice))


def _launches(name: str, choice: Choice) -> Sequence[Launch]:
    match name:
        case "ringward":
            return (RingwardFile(choice.flags),)
        case "ringward-postgres":
            return (RingwardPostgres(choice.flags),)
        case "ringward-cluster":
            return [RingwardCluster(nodes, choice.flags) for nodes in choice.nodes]
        case _ if name in PEERS:
            return (_peer(name, choice),)
        case _:
            raise ValueError(f"there is no system {name!r}; there are {', '.join((*OURS, *PEERS))}")


def _peer(name: str, choice: Choice) -> Launch:
    if (given := choice.peers.get(name)) is None:
        raise ValueError(f"{name} is measured if its program or its address is given")
    where = given if _ADDRESS.fullmatch(given) else Path(given)
    if name == "permify":
        return PermifyLaunch(where)
    try:
        return _spicedb(where, choice.spicedb_key) if name == "spicedb" else _openfga(where)
    except ModuleNotFoundError as error:
        raise ValueError(f"{name} is asked through {error.name}: pip install 'ringward[bench]'") from error


def _spicedb(where: Path | str, key: str) -> Launch:
    from bench.harness.systems.spicedb import SpiceDbLaunch  # noqa: PLC0415 - its client may not be here

    return SpiceDbLaunch(where, key) if key else SpiceDbLaunch(where)


def _openfga(where: Path | str) -> Launch:
    from bench.harness.systems.openfga import OpenFgaLaunch  # noqa: PLC0415 - its client may not be here

    return OpenFgaLaunch(where)
