"""The listener for profiles, ``/debug/pprof/``: where a node spends time and memory, measured while it serves.

Who knows the token is let in, by ``Authorization: Bearer`` or as the password of any user, which is how ``go tool
pprof`` can be given one. Without a token only this machine is, and no page in its browsers: they would come by another
name than localhost. One profile is made at a time, for a bounded time, and given up when its client leaves.
"""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from api.operations import cpu, heap, tasks
from api.operations.guard import Guard
from api.operations.settings import ProfilerSettings
from api.rest.server import HttpServer

MOST_S = 120
_LOOPBACK = "127.0.0.1"
_NAMES_OF_LOOPBACK = ("127.0.0.1", "localhost")

_INDEX = """<!doctype html><meta charset="utf-8"><title>profiles</title>
<h1>Profiles of this node</h1>
<p>Give them to <code>go tool pprof</code>, or to <a href="https://www.speedscope.app">speedscope</a>, which reads pprof
too. <code>seconds</code> may be 1 to 120; one is made at a time.</p>
<ul>
<li><a href="profile?seconds=10">profile?seconds=10</a>: where the event loop spends its time (pprof); with
<a href="profile?seconds=10&amp;format=speedscope">format=speedscope</a> in the order of time, with
<a href="profile?seconds=10&amp;format=text">format=text</a> for people</li>
<li><a href="heap?seconds=10">heap?seconds=10</a>: memory taken meanwhile and still held, by where it was taken (pprof);
makes the node slower</li>
<li><a href="tasks">tasks</a>: what tasks wait for, and where threads are</li>
<li><a href="cmdline">cmdline</a>: the command, without values</li>
</ul>
"""

_FORMATS: dict[str, tuple[Callable[..., bytes | str], str, str]] = {
    "pprof": (cpu.as_pprof, "application/octet-stream", "profile.pb.gz"),
    "speedscope": (cpu.as_speedscope, "application/json", "profile.speedscope.json"),
    "text": (cpu.as_text, "text/plain; charset=utf-8", ""),
}

Make = Callable[[Request, int], Awaitable[Response]]


class ProfilerHost:
    """One listening HTTP server. ``url`` is known once started."""

    def __init__(self, settings: ProfilerSettings, *, host: str) -> None:
        self._making = asyncio.Lock()
        self._is_over = asyncio.Event()
        guards = (
            [Middleware(Guard, settings.token)]
            if settings.token
            else [Middleware(TrustedHostMiddleware, allowed_hosts=_NAMES_OF_LOOPBACK)]
        )
        app = Starlette(
            routes=[
                Route("/debug/pprof", _lead),
                Route("/debug/pprof/", _show_index),
                Route("/debug/pprof/cmdline", _show_command),
                Route("/debug/pprof/tasks", _show_tasks),
                Route("/debug/pprof/profile", self._one_at_a_time(30, self._profile)),
                Route("/debug/pprof/heap", self._one_at_a_time(10, self._heap)),
            ],
            middleware=guards,
        )
        self._server = HttpServer(
            app, host=host if settings.token else _LOOPBACK, port=settings.port, setting="profiler.port"
        )

    def __repr__(self) -> str:
        return f"<ProfilerHost {self.url}>"

    @property
    def url(self) -> str:
        """Where it is reached on this machine, without a slash at the end."""
        return self._server.url

    async def start(self) -> None:
        """Listen. Raises Unavailable, naming the address and the setting, if that is not possible."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take no new requests; what is being measured ends now."""
        self._is_over.set()
        await self._server.stop(grace_s)

    def _one_at_a_time(self, usual_s: int, make: Make) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            text = request.query_params.get("seconds", str(usual_s))
            if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_S:
                return PlainTextResponse(f"seconds: expected 1 to {MOST_S}, got {text[:20]!r}\n", 400)
            if self._making.locked():
                return PlainTextResponse("another profile is being made; try again when it is done\n", 409)
            async with self._making:
                return await make(request, int(text))

        return answer

    async def _profile(self, request: Request, seconds: int) -> Response:
        name = request.query_params.get("format", "pprof")
        if name not in _FORMATS:
            return PlainTextResponse(f"format: expected one of {', '.join(_FORMATS)}, got {name[:20]!r}\n", 400)
        form, media_type, file = _FORMATS[name]
        with cpu.sampled() as profiler:
            await self._wait(request, seconds)
        assert profiler.last_session is not None, "it has been stopped"
        return _file(await asyncio.to_thread(form, profiler.last_session), media_type, file)

    async def _heap(self, request: Request, seconds: int) -> Response:
        with heap.traced():
            await self._wait(request, seconds)
            snapshot = tracemalloc.take_snapshot()
        body = await asyncio.to_thread(heap.as_pprof, snapshot)
        return _file(body, "application/octet-stream", "heap.pb.gz")

    async def _wait(self, request: Request, seconds: int) -> None:
        """Until the time is over, the client has left, or the node stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                ends = {group.create_task(_left(request)), group.create_task(self._is_over.wait())}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lead(_request: Request) -> Response:
    return RedirectResponse("/debug/pprof/")


async def _show_index(_request: Request) -> Response:
    return HTMLResponse(_INDEX)


async def _show_command(_request: Request) -> Response:
    """The words of the command between NULs, as Go tells them; values may be secrets."""
    words = [word.partition("=")[0] for word in sys.argv if word.startswith("-")]
    return PlainTextResponse("\0".join([sys.argv[0], *words]))


async def _show_tasks(_request: Request) -> Response:
    return PlainTextResponse(tasks.described())


def _file(body: bytes | str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else {}
    return Response(body, headers=headers, media_type=media_type)
