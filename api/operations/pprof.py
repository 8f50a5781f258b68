"""Profiles as ``go tool pprof``, speedscope and most other viewers read them: stacks with values, gzipped protobuf.

Source: github.com/google/pprof, proto/profile.proto.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import NamedTuple

from proto.pprof.profile_pb2 import Function, Line, Location, Profile, Sample, ValueType


class Place(NamedTuple):
    """Where a stack passes: a line of a function. first_line: of the function, 0 if that is not known."""

    function: str
    file: str
    line: int
    first_line: int = 0


class Kind(NamedTuple):
    """What is counted and in which unit: ``("cpu", "nanoseconds")``."""

    name: str
    unit: str


class ProfileWriter:
    """Collects stacks. kinds: of the values each has, the one people want to see last."""

    def __init__(self, *kinds: Kind) -> None:
        self._texts: dict[str, int] = {"": 0}
        self._functions: dict[tuple[str, str], int] = {}
        self._places: dict[Place, int] = {}
        self._profile = Profile(sample_type=[self._value_type(kind) for kind in kinds])

    def __repr__(self) -> str:
        return f"<ProfileWriter {len(self._profile.sample)} stacks>"

    def add(self, stack: Sequence[Place], *values: int) -> None:
        """Add a stack, the innermost place first, with a value of each kind."""
        self._profile.sample.append(Sample(location_id=[self._location(place) for place in stack], value=values))

    def times(self, *, began_ns: int, taken_ns: int, kind: Kind, period: int) -> None:
        """When it was made, and how far samples lie apart: so many of a kind."""
        self._profile.time_nanos = began_ns
        self._profile.duration_nanos = taken_ns
        self._profile.period_type.CopyFrom(self._value_type(kind))
        self._profile.period = period

    def written(self) -> bytes:
        """The whole profile."""
        profile = Profile()
        profile.CopyFrom(self._profile)
        profile.string_table.extend(self._texts)
        return gzip.compress(profile.SerializeToString())

    def _value_type(self, kind: Kind) -> ValueType:
        return ValueType(type=self._text(kind.name), unit=self._text(kind.unit))

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _location(self, place: Place) -> int:
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = len(self._places) + 1
            line = Line(function_id=self._function(place), line=place.line)
            self._profile.location.append(Location(id=known, line=[line]))
        return known

    def _function(self, place: Place) -> int:
        known = self._functions.get((place.function, place.file))
        if known is None:
            known = self._functions[place.function, place.file] = len(self._functions) + 1
            name = self._text(place.function)
            function = Function(id=known, name=name, system_name=name, filename=self._text(place.file))
            function.start_line = place.first_line
            self._profile.function.append(function)
        return known
