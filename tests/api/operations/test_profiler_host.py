"""Profiles on demand: who gets them, that there is one at a time, and that they show what the node does."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from api.operations import profiler_host
from api.operations.profiler_host import ProfilerHost
from api.operations.settings import ProfilerSettings
from model.errors import Unavailable
from proto.pprof.profile_pb2 import Profile
from tests.api.rest.serving import Rest, client_of

TOKEN = "open-sesame-hush"
INDEX = "/debug/pprof/"


@asynccontextmanager
async def served(token: str = "") -> AsyncIterator[Rest]:
    host = ProfilerHost(ProfilerSettings(0, token), host="127.0.0.1")
    await host.start()
    try:
        async with client_of(host.url) as client:
            yield client
    finally:
        await host.stop(0.1)


def functions_in(profile: Profile) -> set[str]:
    return {profile.string_table[function.name] for function in profile.function}


async def fetched(rest: Rest, path: str) -> bytes:
    async with rest.session.get(rest.url + path) as response:
        assert response.status == 200
        return await response.read()


async def keep_busy() -> None:
    while True:
        sum(hard_work(number) for number in range(200))
        await asyncio.sleep(0)


def hard_work(number: int) -> int:
    return number * number


@asynccontextmanager
async def busy() -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        working = group.create_task(keep_busy(), name="the busy one")
        try:
            yield
        finally:
            working.cancel()


# --- who is let in ---


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"bearer {TOKEN}"},
        {"Authorization": aiohttp.encode_basic_auth("anybody", TOKEN)},
    ],
)
async def test_who_shows_the_token_is_let_in(headers: dict[str, str]) -> None:
    async with served(TOKEN) as rest:
        assert (await rest.call("GET", INDEX, headers=headers)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer open-sesame"},
        {"Authorization": "Basic !!!"},
        {"Authorization": aiohttp.encode_basic_auth(TOKEN, "")},
        {"Authorization": f"Digest {TOKEN}"},
    ],
)
@pytest.mark.parametrize("path", ["", "profile?seconds=1", "heap?seconds=1", "tasks", "cmdline", "nothing"])
async def test_who_does_not_is_told_nothing(headers: dict[str, str], path: str) -> None:
    async with served(TOKEN) as rest:
        answer = await rest.call("GET", INDEX + path, headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_without_a_token_only_this_machine_is_listened_to() -> None:
    host = ProfilerHost(ProfilerSettings(0), host="")
    await host.start()
    try:
        assert host.url.startswith("http://127.0.0.1:")
    finally:
        await host.stop(0.1)


async def test_without_a_token_a_page_that_comes_by_another_name_is_refused() -> None:
    async with served() as rest:
        assert (await rest.call("GET", INDEX)).status == 200
        assert (await rest.call("GET", INDEX, headers={"Host": "evil.example:6060"})).status == 400


# --- what is told ---


async def test_the_index_leads_to_all_there_is() -> None:
    async with served() as rest:
        page = (await rest.call("GET", INDEX)).body
        assert (await rest.call("GET", "/debug/pprof")).headers["Location"] == INDEX
    assert all(f'href="{name}' in page for name in ("profile", "heap", "tasks", "cmdline"))
    assert "go tool pprof" in page


async def test_a_profile_shows_where_time_is_spent() -> None:
    async with served() as rest, busy():
        profile = Profile.FromString(gzip.decompress(await fetched(rest, f"{INDEX}profile?seconds=1")))
    assert "keep_busy" in functions_in(profile)
    assert [profile.string_table[kind.type] for kind in profile.sample_type] == ["samples", "cpu"]
    assert 0.5e9 < sum(sample.value[1] for sample in profile.sample) < 3e9


async def test_a_profile_can_be_opened_in_speedscope() -> None:
    async with served() as rest, busy():
        told = json.loads(await fetched(rest, f"{INDEX}profile?seconds=1&format=speedscope"))
    assert told["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert "keep_busy" in {frame["name"] for frame in told["shared"]["frames"]}


async def test_a_profile_can_be_read() -> None:
    async with served() as rest, busy():
        assert "keep_busy" in (await fetched(rest, f"{INDEX}profile?seconds=1&format=text")).decode()


@pytest.mark.skipif(shutil.which("go") is None, reason="go tool pprof is not here")
async def test_go_opens_what_it_is_given(tmp_path: Path) -> None:
    async with served() as rest, busy():
        file = tmp_path / "profile.pb.gz"
        file.write_bytes(await fetched(rest, f"{INDEX}profile?seconds=1"))
    words = ["go", "tool", "pprof", "-top", str(file)]
    result = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60, check=True)
    assert "keep_busy" in result.stdout


async def test_a_heap_shows_what_is_taken_meanwhile_and_still_held() -> None:
    held: list[bytearray] = []

    async def take() -> None:
        await asyncio.sleep(0.3)
        held.append(bytearray(1_000_000))

    async with served() as rest, asyncio.TaskGroup() as group:
        group.create_task(take())
        profile = Profile.FromString(gzip.decompress(await fetched(rest, f"{INDEX}heap?seconds=1")))
    assert [profile.string_table[kind.type] for kind in profile.sample_type] == ["inuse_objects", "inuse_space"]
    largest = max(profile.sample, key=lambda sample: sample.value[1])
    assert largest.value[1] >= 1_000_000
    files = {profile.string_table[function.filename] for function in profile.function}
    assert __file__ in files


async def test_tasks_are_told_with_what_they_wait_for_and_threads_with_where_they_are() -> None:
    async with served() as rest, busy():
        text = (await rest.call("GET", f"{INDEX}tasks")).body
    assert "the busy one\n    keep_busy  " in text
    assert "MainThread\n" in text


async def test_the_command_is_told_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "postgresql://me:hush@db"
    monkeypatch.setattr(sys, "argv", ["ringward", "serve", "--database-uri", secret, f"--writer={secret}", "-c", "x"])
    async with served() as rest:
        told = (await rest.call("GET", f"{INDEX}cmdline")).body
    assert told.split("\0") == ["ringward", "--database-uri", "--writer", "-c"]


# --- bounds ---


@pytest.mark.parametrize("seconds", ["0", "121", "-1", "1.5", "", "x", "٣", "9" * 50])
@pytest.mark.parametrize("path", ["profile", "heap"])
async def test_nobody_measures_for_longer_than_allowed(path: str, seconds: str) -> None:
    async with served() as rest:
        answer = await rest.call("GET", f"{INDEX}{path}", params={"seconds": seconds})
    assert (answer.status, "1 to 120" in answer.body) == (400, True)


async def test_a_format_nobody_knows_is_refused() -> None:
    async with served() as rest:
        assert (await rest.call("GET", f"{INDEX}profile?seconds=1&format=x")).status == 400


async def test_one_profile_is_made_at_a_time() -> None:
    async with served() as rest, asyncio.TaskGroup() as group:
        first = group.create_task(fetched(rest, f"{INDEX}profile?seconds=1"))
        await asyncio.sleep(0.3)
        other = f"{INDEX}profile?seconds=1&format=text"
        assert (await rest.call("GET", other)).status == 409
        assert (await rest.call("GET", f"{INDEX}heap?seconds=1")).status == 409
        await first
        assert (await rest.call("GET", other)).status == 200


async def test_a_profile_nobody_waits_for_is_given_up() -> None:
    async with served() as rest:
        asking = asyncio.create_task(fetched(rest, f"{INDEX}profile?seconds=100"))
        await asyncio.sleep(0.3)
        asking.cancel()
        for _ in range(100):
            answer = await rest.call("GET", f"{INDEX}profile?seconds=1&format=text")
            if answer.status == 200:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("it goes on")


async def test_a_node_that_stops_ends_a_profile_at_once() -> None:
    host = ProfilerHost(ProfilerSettings(0), host="127.0.0.1")
    await host.start()
    async with asyncio.timeout(10), client_of(host.url) as rest, asyncio.TaskGroup() as group:
        asking = group.create_task(fetched(rest, f"{INDEX}profile?seconds=100"))
        await asyncio.sleep(0.3)
        await host.stop(1.0)
        assert gzip.decompress(await asking)


async def test_a_port_in_use_is_told_by_the_setting_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = ProfilerHost(ProfilerSettings(taken.getsockname()[1]), host="127.0.0.1")
        with pytest.raises(Unavailable, match=r"profiler\.port: cannot listen on"):
            await host.start()


def test_the_bound_that_is_told_is_the_one_that_is_kept() -> None:
    assert f"1 to {profiler_host.MOST_S}" in profiler_host._INDEX
