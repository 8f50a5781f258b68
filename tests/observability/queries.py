"""Queries of dashboards as Grafana sends them, once a reader has chosen nothing in particular."""

from __future__ import annotations

from tests.support.prometheus import JOB

_CHOSEN = {
    "$namespace": ".*",
    "$job": JOB,
    "$instance": ".*",
    "$rpc": "base.v1.+",
    "$__rate_interval": "8s",
}


def without_variables(expression: str) -> str:
    """The query with values for the variables of its dashboard."""
    for variable, value in _CHOSEN.items():
        expression = expression.replace(variable, value)
    return expression
