"""What a run must reach: ``bench/targets.toml`` as values.

A ``[[target]]`` selects rows by workload and system, and more closely by parameters, loop, rate and callers; every row
it selects must keep every limit. ``at_most`` and ``at_least`` hold figures by name (``figures.FIGURES``). ``against``
holds one to a part of the same figure of another system, measured in the same run by the same load; where that system
was not in the run nothing is compared, and ``otherwise`` is the limit instead, if there is one. A ``[[measure]]`` holds
a figure that is no load. ``source`` says of each where it comes from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.figures import FIGURES
from bench.harness.results import Loop, Parameter, Row
from bench.harness.strict_json import Unexpected, read

TARGETS = Path(__file__).parents[1] / "targets.toml"


class InvalidTargets(ValueError):
    """A file is no list of targets; the message names the file, the row and the key."""


@dataclass(frozen=True, slots=True)
class Against:
    """A part of another system's figure that must not be exceeded; otherwise: the limit where it was not in the run."""

    system: str
    figure: str
    at_most: float
    otherwise: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Limits on the rows of a workload on a system. What is None or not among the parameters is not asked for."""

    workload: str
    system: str
    source: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    loop: Loop | None = None
    rate_per_s: float | None = None
    callers: int | None = None
    at_most: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    against: Sequence[Against] = ()

    def selects(self, row: Row) -> bool:
        """True if the row is held to these limits."""
        asked = ((self.loop, row.loop), (self.rate_per_s, row.rate_per_s), (self.callers, row.callers))
        return (
            (self.workload, self.system) == (row.workload, row.system)
            and self.parameters.items() <= row.parameters.items()
            and all(wanted is None or wanted == found for wanted, found in asked)
        )


@dataclass(frozen=True, slots=True)
class MeasureTarget:
    """A limit on one of the run's measures."""

    measure: str
    at_most: float
    source: str


@dataclass(frozen=True, slots=True)
class Targets:
    """All of them, in the order of the file."""

    target: Sequence[Target] = ()
    measure: Sequence[MeasureTarget] = ()


def read_targets(path: Path = TARGETS) -> Targets:
    """The targets of a file. Raises InvalidTargets, and OSError if it cannot be read."""
    try:
        return _targets(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:  # not TOML, not UTF-8, or Unexpected
        raise InvalidTargets(f"{path}: {error}") from error


def _targets(found: Mapping[str, object]) -> Targets:
    if unknown := sorted(found.keys() - {"target", "measure"}):
        raise Unexpected(f"unknown {', '.join(map(repr, unknown))}; there are [[target]] and [[measure]]")
    targets = tuple(_target(place, value) for place, value in _entries(found, "target"))
    measures = tuple(_measure(place, value) for place, value in _entries(found, "measure"))
    return Targets(targets, measures)


def _entries(found: Mapping[str, object], key: str) -> Iterator[tuple[str, object]]:
    """Each value of an array of tables, with what errors call it."""
    entries = found.get(key, [])
    if not isinstance(entries, list):
        raise Unexpected(f"{key}: expected [[{key}]], got {entries!r}")
    for number, entry in enumerate(entries, 1):
        table = entry if isinstance(entry, dict) else {}
        names = [str(table[name]) for name in ("workload", "system", "measure") if name in table]
        yield f"{key} {number} ({', '.join(names)})" if names else f"{key} {number}", entry


def _target(place: str, value: object) -> Target:
    target = read(Target, value, place)
    if not (target.at_most or target.at_least or target.against):
        raise Unexpected(f"{place}: sets no limit; give at_most, at_least or against")
    for better, limits in (("less", target.at_most), ("more", target.at_least)):
        for name, limit in limits.items():
            key = f"{place}.{'at_most' if better == 'less' else 'at_least'}.{name}"
            _known_figure(key, name, better)
            _positive(key, limit)
    for number, against in enumerate(target.against):
        key = f"{place}.against[{number}]"
        _known_figure(f"{key}.figure", against.figure, "less")
        _positive(f"{key}.at_most", against.at_most)
        _positive(f"{key}.otherwise", 1 if against.otherwise is None else against.otherwise)
    return target


def _measure(place: str, value: object) -> MeasureTarget:
    target = read(MeasureTarget, value, place)
    _positive(f"{place}.at_most", target.at_most)
    return target


def _known_figure(place: str, name: str, better: str) -> None:
    names = [known for known, figure in FIGURES.items() if figure.better == better]
    if name not in names:
        raise Unexpected(f"{place}: expected one of {', '.join(names)}, got {name!r}")


def _positive(place: str, limit: float) -> None:
    if limit <= 0:
        raise Unexpected(f"{place}: expected more than 0, got {limit!r}")
