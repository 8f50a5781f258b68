from __future__ import annotations

from tests.observability.promql import Selector, matched_values, named_labels, selectors, unknown

METRICS = {"calls_total": frozenset({"rpc", "code"}), "up": frozenset[str]()}


def test_metrics_are_found_wherever_they_stand() -> None:
    expression = """
    sum by (rpc) (rate(calls_total{rpc=~"a{2}|up", code!="OK"}[5m]))
    / on (rpc) group_left (zone) (level:calls:rate5m > 14.4 * 0.001) or vector(0) unless up offset 1h
    """
    assert list(selectors(expression)) == [
        Selector("calls_total", frozenset({"rpc", "code"})),
        Selector("level:calls:rate5m", frozenset()),
        Selector("up", frozenset()),
    ]


def test_labels_are_found_wherever_they_group_or_join() -> None:
    assert named_labels("sum by (a, b) (x) * on(c) group_left (d) y") == {"a", "b", "c", "d"}


def test_what_exists_is_not_unknown() -> None:
    assert unknown('sum by (job, rpc) (rate(calls_total{code="OK", instance="a"}[5m])) and up == 1', METRICS) == []


def test_a_metric_a_matcher_and_a_grouping_that_do_not_exist_are_unknown() -> None:
    assert unknown("rate(cals_total[5m])", METRICS) == ["cals_total"]
    assert unknown('calls_total{rcp="x"}', METRICS) == ["rcp of calls_total"]
    assert unknown("sum by (zone) (up)", METRICS) == ["zone"]


def test_values_that_labels_are_picked_by_are_found() -> None:
    found = matched_values('up{a="x", b=~"y|z", c!~"w", d=~"v.+", e=""} == 1')
    assert list(found) == [("a", "x"), ("b", "y"), ("b", "z"), ("c", "w")]
