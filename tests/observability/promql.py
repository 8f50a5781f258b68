"""What queries speak of: metrics, labels. Whether Prometheus can read them its own tool says, not this."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

OF_TARGETS = frozenset({"namespace", "job", "instance"})
"""Labels that Prometheus adds to all that it scrapes; the first in Kubernetes alone."""

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_RANGE = re.compile(r"\[[^\]]*\]")
_LABEL_LIST = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w.:$])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(?![\w(:]|\s*\())")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "by", "on", "inf"})


class Selector(NamedTuple):
    """A metric, and the labels it is picked by."""

    metric: str
    labels: frozenset[str]


def selectors(expression: str) -> Iterator[Selector]:
    """All that the expression reads."""
    bare = _LABEL_LIST.sub(" ", _RANGE.sub("", _TEXT.sub('""', expression)))
    for name, matchers in _SELECTOR.findall(bare):
        if name not in _WORDS:
            yield Selector(name, frozenset(re.findall(r"(\w+)\s*[!=]", matchers)))


def named_labels(expression: str) -> frozenset[str]:
    """The labels it groups, matches or joins by."""
    lists = _LABEL_LIST.findall(_TEXT.sub('""', expression))
    return frozenset(label.strip() for found in lists for label in found.split(",") if label.strip())


def matched_values(expression: str) -> Iterator[tuple[str, str]]:
    """Labels and each of the values they are picked by; of patterns those that are only words between bars."""
    for label, pattern in _MATCHER.findall(expression):
        if re.fullmatch(r"\w+(\|\w+)*", pattern):
            yield from ((label, value) for value in pattern.split("|"))


def unknown(expression: str, metrics: Mapping[str, frozenset[str]]) -> list[str]:
    """What it speaks of that does not exist. metrics: names, as queries have them, and the labels of each."""
    wrong = []
    in_reach = set(OF_TARGETS)
    for selector in selectors(expression):
        if selector.metric not in metrics:
            wrong.append(selector.metric)
            continue
        labels = metrics[selector.metric] | OF_TARGETS
        in_reach |= labels
        wrong += [f"{label} of {selector.metric}" for label in sorted(selector.labels - labels)]
    return wrong + sorted(named_labels(expression) - in_reach)
