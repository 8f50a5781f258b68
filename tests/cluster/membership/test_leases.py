"""What ends by itself when a node says nothing more, with its process there all the time, and what its clock has to do
with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from cluster.member import Member
from cluster.membership.opening import membership_of
from tests.cluster.membership.consul_engine import consul_engine
from tests.cluster.membership.engine import Engine
from tests.cluster.membership.redis_engine import redis_engine
from tests.cluster.membership.watching import announced, wait_for_members
from tests.support.faketime import set_clock

ANN = Member("10.0.0.1:5000", zone="a", weight=3, release="0.1.0")
BEN = Member("10.0.0.2:5000")
CLUSTER = "tests"
ENGINES = {"consul": consul_engine, "redis": redis_engine}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with ENGINES[request.param]() as engine:
        yield engine


@contextmanager
def announcing(
    url: str, member: Member, *, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    texts = (url, member.address, member.zone, str(member.weight), member.release)
    command = [sys.executable, "-m", "tests.cluster.membership.announcer", *texts]
    with subprocess.Popen(command, env={**os.environ, **(environment or {})}) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


async def test_a_frozen_process_is_forgotten_and_seen_again_once_it_goes_on(engine: Engine) -> None:
    one = membership_of(engine.place(CLUSTER).url)
    async with announced(one, ANN):
        with announcing(engine.place(CLUSTER).url, BEN) as process:
            await wait_for_members(one, ANN, BEN)
            os.kill(process.pid, signal.SIGSTOP)
            await wait_for_members(one, ANN, within_s=engine.vanish_s)
            os.kill(process.pid, signal.SIGCONT)
            await wait_for_members(one, ANN, BEN)


async def test_the_clock_of_a_node_does_not_matter(engine: Engine) -> None:
    one = membership_of(engine.place(CLUSTER).url)
    async with announced(one, ANN):
        with set_clock() as clock, announcing(engine.place(CLUSTER).url, BEN, environment=clock.environment):
            clock.set(-400 * 86_400)
            await wait_for_members(one, ANN, BEN)
            with pytest.raises(AssertionError):  # longer than any lease
                await wait_for_members(one, ANN, within_s=8.0)
