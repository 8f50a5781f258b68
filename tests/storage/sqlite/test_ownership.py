"""One process owns a file."""
# ruff: noqa: ASYNC220, ASYNC240 - the loop of a test serves nobody else

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.errors import StorageFailed
from storage.sqlite import SqliteStorage

_ROOT = Path(__file__).parents[3]
_OPEN = """
import asyncio, sys
from pathlib import Path
from storage.sqlite import SqliteStorage

async def main():
    store = await SqliteStorage.open(Path(sys.argv[1]))
    print("open", flush=True)
    sys.stdin.read()
    await store.close()

asyncio.run(main())
"""


async def test_a_second_process_is_refused_and_told_who_has_the_file(path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OPEN, str(path)], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(StorageFailed) as caught:
            await SqliteStorage.open(path)
        assert str(path) in str(caught.value)
        assert f"process {owner.pid};" in str(caught.value)
        owner.kill()
    await (await SqliteStorage.open(path)).close()  # a dead owner leaves nothing in the way


async def test_the_same_process_cannot_open_a_file_twice_under_any_name(path: Path, tmp_path: Path) -> None:
    store = await SqliteStorage.open(path)
    alias = tmp_path / "alias.db"
    alias.symlink_to(path)
    for name in (path, alias):
        with pytest.raises(StorageFailed, match=f"process {os.getpid()};"):
            await SqliteStorage.open(name)
    await store.close()
    await (await SqliteStorage.open(alias)).close()


async def test_a_failed_opening_lets_go_of_the_file(path: Path) -> None:
    path.write_bytes(b"no database" * 500)
    for _ in range(2):
        with pytest.raises(StorageFailed, match="is not a database"):
            await SqliteStorage.open(path)
    path.unlink()
    await (await SqliteStorage.open(path)).close()
