"""A tracer that keeps what it is told, for tests of what is traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from telemetry.sampling import Sampler, Sampling, Start
from telemetry.spans import Span, within
from telemetry.tracing import Tracer

__all__ = ("KeptTraces",)


class KeptTraces:
    """Traces everything. ended: all spans, in the order they ended."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []
        self.tracer = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {}, "1", self.ended.append)

    def call(self) -> within:
        """A context as a traced call."""
        return within(self.begin())

    def begin(self) -> Span:
        """A traced call."""
        return self.tracer.begin("call", Start(None))

    @property
    def names(self) -> list[str]:
        """Of all spans."""
        return [span.name for span in self.ended]

    def notes(self, name: str) -> Mapping[str, Any]:
        """The attributes of the only span of a name."""
        (found,) = [span for span in self.ended if span.name == name]
        return dict(found.attributes or {})
