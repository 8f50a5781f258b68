"""Latencies as HDR histograms: microseconds to three digits, up to a minute, mergeable without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram

LONGEST_S = 60.0
"""What is slower counts as this slow."""

_US_PER_S = 1_000_000
_DIGITS = 3


class InvalidHistogram(ValueError):
    """A text is no histogram in the encoded form."""


class Latency:
    """How long things took."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, int(LONGEST_S * _US_PER_S), _DIGITS)

    def __repr__(self) -> str:
        return f"<Latency of {self.count}: p50 {self.percentile_ms(50):g} ms, p99 {self.percentile_ms(99):g} ms>"

    def __reduce__(self) -> tuple[Callable[[str], Latency], tuple[str]]:
        return Latency.decoded, (self.encoded(),)

    @classmethod
    def decoded(cls, text: str) -> Latency:
        """What ``encoded`` gave. Raises InvalidHistogram."""
        found = cls()
        try:
            found._histogram.add(HdrHistogram.decode(text.encode("ascii")))
        except (ValueError, HdrCookieException, HdrLengthException) as error:
            raise InvalidHistogram(f"no histogram: {text[:40]!r}") from error
        return found

    @classmethod
    def merged(cls, parts: Iterable[Latency]) -> Latency:
        """All of them together."""
        whole = cls()
        for part in parts:
            whole.add(part)
        return whole

    def add(self, other: Latency) -> None:
        """Count all of another's."""
        self._histogram.add(other._histogram)

    def record_s(self, took_s: float) -> None:
        """Count one."""
        self._histogram.record_value(int(min(max(took_s, 0.0), LONGEST_S) * _US_PER_S))

    @property
    def count(self) -> int:
        """How many were recorded."""
        return int(self._histogram.get_total_count())

    @property
    def max_ms(self) -> float:
        """The slowest, to three digits; 0 if there is none."""
        return self.percentile_ms(100.0)

    def percentile_ms(self, percentile: float) -> float:
        """What this share of all, in percent, did not exceed; 0 if there is none."""
        return float(self._histogram.get_value_at_percentile(percentile)) / 1_000

    def encoded(self) -> str:
        """The compressed form of the HDR histogram libraries, in base64."""
        text: bytes = self._histogram.encode()
        return text.decode("ascii")
