"""Killed at any moment, the store keeps every acknowledged write and no half of another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from model.attributes import AttributeKind, AttributeValue
from model.snapshot import decode_snap_token
from model.tuples import SubjectRef
from storage.base import EntityRead, TupleFilter, Wanted
from storage.sqlite import SqliteStorage
from tests.conformance.examples import ALL, tuples_at
from tests.storage.sqlite.crash_writer import GROUP

_ROOT = Path(__file__).parents[3]
_ROUNDS = 30


def acknowledged_before_kill(path: Path, first: int, *, lines: int, delay_s: float) -> dict[int, str]:
    """Run the writer, kill it a moment after so many acknowledgements; the token of each acknowledged group."""
    command = [sys.executable, "-m", "tests.storage.sqlite.crash_writer", str(path), str(first)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=environment) as process:
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(lines)]
        time.sleep(delay_s)  # the moment of the kill is what the test varies
        process.send_signal(signal.SIGKILL)
        heard += process.stdout.readlines()
    whole = [line.split() for line in heard if line.endswith("\n")]
    return {int(number): token for number, token in whole}


async def test_acknowledged_writes_survive_kill_9_whole(path: Path) -> None:
    moments = random.Random()
    tokens: dict[int, str] = {}
    first = 0
    for _ in range(_ROUNDS):
        tokens |= acknowledged_before_kill(
            path, first, lines=moments.randrange(1, 20), delay_s=moments.uniform(0, 0.01)
        )
        store = await SqliteStorage.open(path)
        head = (await store.head("t1")).snapshot
        sizes = Counter(item.entity_id for item in (await store.read_tuples("t1", head, TupleFilter(), ALL)).items)
        assert set(sizes.values()) == {GROUP}
        assert set(tokens) <= {int(number) for number in sizes}
        last = max(int(number) for number in sizes)
        counter = EntityRead("counter", "1", SubjectRef("user", "1"), Wanted(attributes=("last",)))
        (facts,) = await store.read("t1", head, [counter])
        assert facts.attributes["last"] == AttributeValue(AttributeKind.INTEGER, last)
        newest = max(tokens)
        old = decode_snap_token(tokens[newest])
        assert head.covers(old)
        assert len(await tuples_at(store, old)) == GROUP * len([n for n in sizes if int(n) <= newest])
        await store.close()
        first = last + 1
    assert len(tokens) > _ROUNDS
