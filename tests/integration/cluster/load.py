"""Callers who check and write through all nodes, whatever happens to these, and hold every answer against a model.

Users are granted and refused documents by way of groups: one write decides on all documents of a group, whose answers
lie with different owners. Each group is written by one caller, one write after the other. So what was acknowledged last
is what a check must see, if nothing was written while it was under way; and a check at a token of the past, what was so
then. What became of a write that failed nobody knows: its group is not asked after any more.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from proto.base.v1 import base_pb2 as base
from proto.base.v1 import service_pb2 as pb
from tests.support.client import TENANT, Client
from tests.support.eventually import eventually

T = TypeVar("T")

SCHEMA = """
entity user {}
entity group { relation member @user }
entity doc {
  relation viewer @user @group#member
  permission view = viewer
}
"""
DEADLINE_S = 10.0
_SLACK_S = 10.0  # of a machine that is busy
_GROUPS = 4  # of each writer
_DOCUMENTS = 6  # of each group
_ASKERS = 3  # of each node
_PAUSE_S = 0.01
_WRITERS_PAUSE_S = 0.05
_PAST = 20  # writes of a group that are asked after by their tokens
_NUMBERS = itertools.count()
_CHANNEL = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]


@dataclass(slots=True)
class Group:
    """What is known of one.

    is_member: whether the user is in it; None while that is being written. changes: how often that was begun. past:
    tokens and what was so then.
    """

    name: str
    is_member: bool | None = False
    changes: int = 0
    past: list[tuple[str, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that was not answered."""

    node: str
    what: str
    code: grpc.StatusCode
    details: str


class Load:
    """What has become of calls so far. answers: how many, by node. wrong: answers that were."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.answers: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.wrong: list[str] = []
        self._times_s: dict[str, list[float]] = defaultdict(list)

    async def goes_on(self, *names: str, more: int = 60) -> float:
        """Return once each of these nodes has given so many more answers; the longest any of them took."""
        goals = {name: self.answers[name] + more for name in names}
        begun = {name: len(self._times_s[name]) for name in names}

        async def they_have() -> bool:
            return all(self.answers[name] >= goal for name, goal in goals.items())

        await eventually(they_have, patience_s=60)
        return max(max(self._times_s[name][start:]) for name, start in begun.items())

    def ensure_exact(self, *, may_fail: Sequence[str] = ()) -> None:
        """No answer was wrong, many were given, and no call failed but on nodes that may."""
        assert not self.wrong
        assert sum(self.answers.values()) > 50
        assert not [failure for failure in self.failures if failure.node not in may_fail]

    async def outcome(self, node: str, what: str, call: Awaitable[T]) -> T | None:
        """What a call gives; None if it fails. It must end in its time."""
        began_s = time.monotonic()
        try:
            given = await call
        except grpc.aio.AioRpcError as error:
            self.failures.append(Failure(node, what, error.code(), error.details() or ""))
            return None
        finally:
            took_s = time.monotonic() - began_s
            assert took_s < DEADLINE_S + _SLACK_S, f"{what} on {node} took {took_s:.1f} s"
        self.answers[node] += 1
        self._times_s[node].append(took_s)
        return given


@asynccontextmanager
async def load_on(
    addresses: Mapping[str, str], *options: tuple[str, object], beside: Load | None = None
) -> AsyncIterator[Load]:
    """Callers of all nodes while the context lasts.

    addresses: where they serve clients, by name. options: of the channels. beside: a load they add to, if there is one.
    """
    load = beside or Load()
    is_over = asyncio.Event()
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(client_of(address, *options)) for name, address in addresses.items()
        }
        if beside is None:
            await next(iter(clients.values())).write_schema(SCHEMA)
        async with asyncio.TaskGroup() as callers:
            for name, client in clients.items():
                callers.create_task(_write(load, is_over, name, client))
                for _ in range(_ASKERS):
                    callers.create_task(_ask(load, is_over, name, client))
            try:
                yield load
            finally:
                is_over.set()


@asynccontextmanager
async def client_of(address: str, *options: tuple[str, object]) -> AsyncIterator[Client]:
    """A client that looks for a node that is gone every half second."""
    async with grpc.aio.insecure_channel(address, [*_CHANNEL, *options]) as channel:
        yield Client(channel, timeout_s=DEADLINE_S)


async def _write(load: Load, is_over: asyncio.Event, node: str, client: Client) -> None:
    """Grant and revoke in turn, in several groups; one whose write failed is replaced by a new one."""
    groups: list[Group] = []
    for turn in itertools.count():
        if is_over.is_set():
            return
        if len(groups) < _GROUPS:
            group = Group(f"g{next(_NUMBERS)}")
            granted = [f"doc:{group.name}-{number}#viewer@group:{group.name}#member" for number in range(_DOCUMENTS)]
            if await load.outcome(node, "a write", client.write(*granted)):
                groups.append(group)
                load.groups.append(group)
        else:
            group = groups[turn % _GROUPS]
            if not await _change(load, node, client, group):
                groups.remove(group)
                load.groups.remove(group)
        await asyncio.sleep(_WRITERS_PAUSE_S)


async def _change(load: Load, node: str, client: Client, group: Group) -> bool:
    """Turn a membership round; False if nobody knows whether that was done."""
    wanted = not group.is_member
    group.is_member = None
    group.changes += 1
    call = client.write(f"group:{group.name}#member@user:u") if wanted else _revoke(client, group.name)
    token = await load.outcome(node, "a write", call)
    if token is None:
        return False
    group.is_member = wanted
    group.past = [*group.past[-_PAST:], (token, wanted)]
    return True


async def _ask(load: Load, is_over: asyncio.Event, node: str, client: Client) -> None:
    """Ask after what was acknowledged, now and as it was."""
    chance = random.Random()
    while not is_over.is_set():
        await asyncio.sleep(_PAUSE_S)
        if not load.groups:
            continue
        group = chance.choice(load.groups)
        question = f"doc:{group.name}-{chance.randrange(_DOCUMENTS)}#view@user:u"
        if group.past and chance.random() < 0.2:
            token, right = chance.choice(group.past)
            is_allowed = await load.outcome(node, "a check at a token", client.can(question, snap_token=token))
            if is_allowed not in (None, right):
                load.wrong.append(f"{question} on {node} at {token}: {is_allowed}")
        else:
            known, changes = group.is_member, group.changes
            is_allowed = await load.outcome(node, "a check", client.can(question))
            if None not in (known, is_allowed) and group.changes == changes and is_allowed is not known:
                load.wrong.append(f"{question} on {node}: {is_allowed}, after {changes} changes")


async def _revoke(client: Client, group: str) -> str:
    where = base.TupleFilter(
        entity=base.EntityFilter(type="group", ids=[group]),
        relation="member",
        subject=base.SubjectFilter(type="user", ids=["u"]),
    )
    request = pb.DataDeleteRequest(tenant_id=TENANT, tuple_filter=where, attribute_filter=base.AttributeFilter())
    return str((await client.call("Data.Delete", request)).snap_token)
