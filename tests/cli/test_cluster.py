"""``ringward cluster`` asks real nodes, three processes over one PostgreSQL: any of them, for all of them."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.cli.program import RINGWARD, ROOT, TIMEOUT_S, finished, read_until, started
from tests.support.client import Client
from tests.support.postgres import Databases
from tests.support.processes import free_ports

SCHEMA = "entity user {}\nentity doc {\n relation viewer @user\n permission view = viewer\n}"
KEY = "a key of the cluster"
ZONES = ("east", "east", "west")


@dataclass(frozen=True)
class Running:
    """A node of the cluster. grpc: for clients; peer: its name in the cluster."""

    process: subprocess.Popen[str]
    grpc: str
    peer: str


class Nodes:
    """Three, in two zones, of which the first is asked."""

    def __init__(self, running: list[Running], home: Path) -> None:
        self.running = running
        self.home = home

    def command(self, *arguments: str, at: str = "", key: str = KEY) -> list[str]:
        return [
            "cluster",
            *arguments,
            f"--address={at or self.running[0].peer}",
            f"--distributed-cluster-key={key}",
        ]

    def ask(self, *arguments: str, at: str = "", key: str = KEY) -> Result:
        """What the command gives, in this process."""
        return CliRunner().invoke(main, self.command(*arguments, at=at, key=key), catch_exceptions=False)

    def told(self, *arguments: str, at: str = "") -> str:
        result = self.ask(*arguments, at=at)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def known(self, *arguments: str, at: str = "") -> Any:
        return json.loads(self.told(*arguments, "--output=json", at=at))

    def settle(self) -> None:
        """Return once each sees all."""
        for _ in range(TIMEOUT_S * 5):
            seen = self.known("status")
            if len(seen) == 3 and all(len(node.get("members", ())) == 3 for node in seen):
                return
            time.sleep(0.2)
        raise AssertionError("they have not found each other")


@contextmanager
def three_nodes(uri: str, home: Path, *more: str) -> Iterator[Nodes]:
    ports = free_ports(len(ZONES))
    peers = [f"127.0.0.1:{port}" for port in ports]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                started(
                    *("serve", "--grpc-port=0", "--http-enabled=false", "--server-host=127.0.0.1"),
                    *("--database-engine=postgres", f"--database-uri={uri}", "--distributed-enabled"),
                    *(f"--distributed-address=static://{','.join(peers)}", f"--distributed-cluster-key={KEY}"),
                    *(f"--distributed-port={port}", f"--distributed-advertise=127.0.0.1:{port}"),
                    *(f"--distributed-zone={zone}", "--log-level=error", *more),
                    home=home,
                )
            )
            for port, zone in zip(ports, ZONES, strict=True)
        ]
        found = [
            Running(process, read_until(process, "gRPC").split()[1], peer)
            for process, peer in zip(processes, peers, strict=True)
        ]
        yield Nodes(found, home)


@pytest.fixture(scope="module")
def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Nodes whose number stays as it is, with a document and some checks behind them."""
    name = databases.new()
    with three_nodes(databases.server.uri(name), tmp_path_factory.mktemp("home")) as nodes:
        nodes.settle()
        asyncio.run(_use(nodes))
        yield nodes
    databases.remove(name)


async def _use(nodes: Nodes) -> None:
    async with grpc.aio.insecure_channel(nodes.running[0].grpc) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write("doc:1#viewer@user:ann")
        for _ in range(2):
            for number in range(30):
                await client.can(f"doc:{number}#view@user:ann")


def test_members_are_shown_with_their_shares_whomever_one_asks(shared: Nodes) -> None:
    peers = sorted(node.peer for node in shared.running)
    views = [shared.known("members", at=peer) for peer in peers]
    for peer, view in zip(peers, views, strict=True):
        assert view["asked"] == peer
        assert [member["address"] for member in view["members"]] == peers
        assert [member["state"] for member in view["members"]] == ["serving"] * 3
        assert sum(member["share_ratio"] for member in view["members"]) == pytest.approx(1)
        assert all(0.25 < member["share_ratio"] < 0.42 for member in view["members"])
        assert view["refused"] == []
    table = shared.told("members").splitlines()
    assert table[0].split() == ["ADDRESS", "ZONE", "WEIGHT", "RELEASE", "SHARE", "STATE"]
    assert [line.split()[0] for line in table[1:]] == peers
    assert all(line.endswith("serving") for line in table[1:])


def test_zones_are_shown_with_what_their_nodes_have_together(shared: Nodes) -> None:
    east, west = shared.known("zones")
    assert (east["zone"], len(east["members"]), east["weight"]) == ("east", 2, 2)
    assert (west["zone"], west["members"], west["weight"]) == ("west", [shared.running[2].peer], 1)
    assert east["share_ratio"] + west["share_ratio"] == pytest.approx(1)
    assert [line.split()[:3] for line in shared.told("zones").splitlines()] == [
        ["ZONE", "NODES", "WEIGHT"],
        ["east", "2", "2"],
        ["west", "1", "1"],
    ]


def test_all_nodes_agree_on_who_owns_a_question(shared: Nodes) -> None:
    question = ("owner", "t1", "doc:1", "view", "user:ann")
    found = [shared.known(*question, at=node.peer) for node in shared.running]
    assert found[0] == found[1] == found[2]
    (owner,) = found[0]["owners"]
    assert owner["address"] in {node.peer for node in shared.running}
    version = found[0]["schema_version"]
    assert shared.known(*question, f"--schema-version={version}") == found[0]
    assert shared.told(*question).splitlines()[1].split() == [owner["address"], owner["zone"], version]


@pytest.mark.parametrize(
    ("arguments", "complaint", "code"),
    [
        (("t-other", "doc:1", "view", "user:ann"), "tenant 't-other' has no schema", 1),
        (("t1", "doc", "view", "user:ann"), "expected type:id, got 'doc'", 2),
        (("t1", "doc:1", "view", "user:ann", "--schema-version=nonsense"), "nonsense", 1),
    ],
)
def test_a_question_nobody_can_own_is_named(
    shared: Nodes, arguments: tuple[str, ...], complaint: str, code: int
) -> None:
    result = shared.ask("owner", *arguments)
    assert result.exit_code == code
    assert complaint in result.stderr


def test_status_tells_what_each_has_cached_and_done_for_others(shared: Nodes) -> None:
    asked, *others = shared.known("status")
    assert asked["address"] == shared.running[0].peer
    requests = asked["requests"]
    assert requests["owned"] + requests["near"] + requests["passed_on"] >= 60
    assert requests["passed_on"] > 0
    assert requests["unanswered"] == 0
    assert sum(node["requests"]["answered_for_peers"] for node in others) == requests["passed_on"]
    assert asked["cache"]["answers"] > 0
    assert asked["cache"]["size_bytes"] >= 1000 * asked["cache"]["answers"]
    assert 0.4 < asked["cache"]["hit_ratio"] < 0.6  # each question was asked twice
    assert [peer["address"] for peer in asked["peers"]] == sorted(node["address"] for node in others)
    assert all(peer["breaker"] == "closed" and peer["in_flight"] == 0 for peer in asked["peers"])
    assert asked["events"]["joined"] >= 2
    working, _, asking = shared.told("status").partition("\n\n")
    assert working.split()[:2] == ["NODE", "STATE"]
    assert len(working.splitlines()) == 4
    assert "BREAKER" in asking.splitlines()[0]
    assert asking.count("closed") == 2


def test_whoever_has_another_key_is_told_so_and_nothing_else(shared: Nodes) -> None:
    for arguments in (("members",), ("status",), ("drain", shared.running[1].peer)):
        result = shared.ask(*arguments, key="another key")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "have different cluster keys" in result.stderr
        assert KEY not in result.stderr
    assert shared.running[1].process.poll() is None


def test_where_nobody_listens_that_is_said_in_a_line() -> None:
    (port,) = free_ports(1)
    result = CliRunner().invoke(main, ["cluster", "members", f"--address=127.0.0.1:{port}"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: 127.0.0.1:{port} cannot be asked")
    assert result.stderr.count("\n") == 1


def test_key_and_port_come_from_the_configuration_of_a_node(shared: Nodes, tmp_path: Path) -> None:
    port = int(shared.running[2].peer.rpartition(":")[2])
    file = tmp_path / "node.yaml"
    file.write_text(json.dumps({"distributed": {"port": port, "cluster_key": KEY}}))
    result = CliRunner().invoke(main, ["cluster", "zones", f"--config={file}"])
    assert result.exit_code == 0, result.stderr
    assert "west" in result.stdout


def test_a_node_nobody_knows_is_not_drained(shared: Nodes) -> None:
    result = shared.ask("drain", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "127.0.0.1:1 is none of the members" in result.stderr
    assert shared.running[0].peer in result.stderr


def test_a_node_that_stands_still_is_shown_as_giving_no_answer(database: str, tmp_path: Path) -> None:
    with three_nodes(database, tmp_path) as nodes:
        nodes.settle()
        paused = nodes.running[2]
        paused.process.send_signal(signal.SIGSTOP)
        members = {member["address"]: member for member in nodes.known("members")["members"]}
        assert members[paused.peer]["state"] is None
        assert paused.peer in members[paused.peer]["silence"]
        for command in ("members", "status"):
            table, _, silences = nodes.told(command).partition("NO ANSWER")
            (line,) = [line for line in table.split("\n\n")[0].splitlines() if line.startswith(f"{paused.peer} ")]
            assert "no answer" in line
            assert "has not answered within" in silences


def test_a_drained_node_ends_in_good_order_while_calls_to_the_others_go_on(database: str, tmp_path: Path) -> None:
    with three_nodes(database, tmp_path, "--server-drain-delay=500ms") as nodes:
        nodes.settle()
        drained = nodes.running[1]
        answers = asyncio.run(_call_while_draining(nodes, drained))
        assert answers.before > 0
        assert answers.after > answers.before
        assert drained.process.returncode == 0
        view = nodes.known("members")
        assert drained.peer not in [member["address"] for member in view["members"]]
        assert len(view["members"]) == 2


@dataclass
class Answers:
    """How many there were until the node had ended, and until a while later."""

    before: int = 0
    after: int = 0


async def _call_while_draining(nodes: Nodes, drained: Running) -> Answers:
    """Calls through the first node until well after another one has ended; none may fail or be wrong."""
    answers, is_over = Answers(), asyncio.Event()
    async with grpc.aio.insecure_channel(nodes.running[0].grpc) as channel:
        client = Client(channel)
        await client.write_schema(SCHEMA)
        await client.write(*(f"doc:{number}#viewer@user:ann" for number in range(40)))

        async def go_on() -> None:
            while not is_over.is_set():
                assert await client.can(f"doc:{answers.after % 40}#view@user:ann")
                answers.after += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(go_on())
            said = await asyncio.to_thread(finished, *nodes.command("drain", drained.peer), home=nodes.home)
            assert f"{drained.peer} leaves the cluster" in said.stdout, said.stderr
            await asyncio.to_thread(drained.process.wait, TIMEOUT_S)
            answers.before = answers.after
            await asyncio.sleep(0.5)
            is_over.set()
    return answers


def test_a_node_may_be_asked_to_drain_itself(database: str, tmp_path: Path) -> None:
    with three_nodes(database, tmp_path) as nodes:
        nodes.settle()
        asked = nodes.running[0]
        assert json.loads(nodes.told("drain", asked.peer, "--output=json")) == {"draining": asked.peer}
        assert asked.process.wait(TIMEOUT_S) == 0


def test_the_program_needs_no_terminal_to_print_whole_lines(shared: Nodes) -> None:
    """As wide as it is, also where a terminal would be narrow."""
    command = [sys.executable, "-c", RINGWARD, "cluster", "status", f"--address={shared.running[0].peer}"]
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(shared.home), "COLUMNS": "40"}
    environment["RINGWARD_DISTRIBUTED_CLUSTER_KEY"] = KEY
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    heading, *rows = result.stdout.split("\n\n")[0].splitlines()
    assert heading.endswith("ENGINE LOST")
    assert len(rows) == 3
