"""Where the event loop spends its time: samples of its stack, taken as it calls functions, by pyinstrument.

Waiting for the network counts where the loop waits, so an idle node shows little but that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pyinstrument import Profiler
from pyinstrument.renderers import ConsoleRenderer, SpeedscopeRenderer
from pyinstrument.session import Session

from api.operations.pprof import Kind, Place, ProfileWriter

_APART_S = 0.002
_CPU = Kind("cpu", "nanoseconds")


@contextmanager
def sampled() -> Iterator[Profiler]:
    """Samples this thread while the context lasts; it makes the thread some percent slower."""
    profiler = Profiler(interval=_APART_S, async_mode="disabled")
    profiler.start()
    try:
        yield profiler
    finally:
        profiler.stop()


def as_pprof(session: Session) -> bytes:
    """A profile for ``go tool pprof``: how many samples a stack had, and how long it took."""
    counts: Counter[tuple[str, ...]] = Counter()
    times_s: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for frames, time_s in session.frame_records:
        stack = tuple(reversed(frames))
        counts[stack] += 1
        times_s[stack] += time_s
    writer = ProfileWriter(Kind("samples", "count"), _CPU)
    for stack, count in counts.items():
        writer.add([_place(frame) for frame in stack], count, round(times_s[stack] * 1e9))
    writer.times(
        began_ns=round(session.start_time * 1e9),
        taken_ns=round(session.duration * 1e9),
        kind=_CPU,
        period=round(_APART_S * 1e9),
    )
    return writer.written()


def as_speedscope(session: Session) -> str:
    """A profile for https://www.speedscope.app, with the order in which things happened."""
    text: str = SpeedscopeRenderer().render(session)
    return text


def as_text(session: Session) -> str:
    """A tree for people."""
    return ConsoleRenderer(unicode=True, color=False, show_all=True).render(session)


def _place(frame: str) -> Place:
    """What pyinstrument writes of a frame: name, file and first line between NULs, then attributes behind SOHs."""
    identifier, *attributes = frame.split("\x01")
    name, file, first_line = identifier.split("\0")
    told = {attribute[:1]: attribute[1:] for attribute in attributes}
    function = f"{told['c']}.{name}" if "c" in told else name
    return Place(function, file, int(told.get("l", first_line)), int(first_line))
