"""Which systems a run measures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.harness.ports import Ability
from bench.harness.systems.choice import Choice, launches
from bench.harness.systems.openfga import OpenFgaLaunch
from bench.harness.systems.permify import PermifyLaunch
from bench.harness.systems.ringward import RingwardCluster, RingwardFile, RingwardPostgres
from bench.harness.systems.spicedb import SpiceDbLaunch

PEERS = {"openfga": "/opt/openfga", "permify": "permify.example:3478", "spicedb": "./spicedb"}


def test_by_default_our_own_node_is_measured_over_either_store() -> None:
    assert launches(Choice()) == (RingwardFile(), RingwardPostgres())


def test_every_peer_that_is_given_is_measured_too_as_a_program_or_at_an_address() -> None:
    assert launches(Choice(peers=PEERS, spicedb_key="sesame"))[2:] == (
        PermifyLaunch("permify.example:3478"),
        SpiceDbLaunch(Path("spicedb"), "sesame"),
        OpenFgaLaunch(Path("/opt/openfga")),
    )


def test_those_named_are_measured_in_the_order_named() -> None:
    chosen = launches(Choice(names=("openfga", "ringward"), peers=PEERS))
    assert chosen == (OpenFgaLaunch(Path("/opt/openfga")), RingwardFile())


def test_a_cluster_is_measured_in_each_size_and_flags_are_for_all_our_nodes() -> None:
    flags = ("--grpc-transport=native",)
    names = ("ringward", "ringward-postgres", "ringward-cluster")
    chosen = launches(Choice(names=names, nodes=(2, 3), flags=flags))
    assert chosen == (
        RingwardFile(flags),
        RingwardPostgres(flags),
        RingwardCluster(2, flags),
        RingwardCluster(3, flags),
    )
    assert [launch.parameters for launch in chosen] == [{}, {}, {"nodes": 2}, {"nodes": 3}]


def test_only_what_a_peer_can_do_is_asked_of_it() -> None:
    permify, spicedb, openfga = launches(Choice(peers=PEERS))[2:]
    assert permify.abilities == frozenset(Ability)
    assert openfga.abilities == frozenset(Ability) - {Ability.ATTRIBUTES}
    assert spicedb.abilities == frozenset(Ability) - {Ability.ATTRIBUTES, Ability.CONTEXTUAL_TUPLES}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(names=("ringwart",)), "no system 'ringwart'; there are ringward, "),
        (Choice(peers={"keto": "/opt/keto"}), "no peer 'keto'; there are permify, spicedb, openfga"),
        (Choice(names=("permify",)), "permify is measured if its program or its address is given"),
    ],
)
def test_a_wrong_choice_is_told(choice: Choice, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        launches(choice)


@pytest.mark.parametrize(("peer", "client"), [("openfga", "openfga_sdk"), ("spicedb", "authzed")])
def test_a_peer_whose_client_is_not_installed_is_told(peer: str, client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("bench.harness.systems.", client))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, client, None)
    with pytest.raises(ValueError, match=rf"{peer} is asked through {client}.*: pip install 'ringward\[bench\]'"):
        launches(Choice(peers={peer: "somewhere:1"}))
