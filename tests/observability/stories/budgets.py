"""Objectives of availability and latency."""

from __future__ import annotations

from tests.observability.stories.story import CALLS, Story

FAILED = CALLS % "UNAVAILABLE"
CHECKS = 'ringward_request_duration_seconds_%s{<a>, transport="grpc", rpc="base.v1.Permission/Check"%s}'


def _calls(good: str, failed: str = "0x6000") -> dict[str, str]:
    return {CALLS % "OK": good, FAILED: failed}


def _checks(total: str, fast: str) -> dict[str, str]:
    return {
        CHECKS % ("bucket", ', le="0.1"'): fast,
        CHECKS % ("bucket", ', le="+Inf"'): total,
        CHECKS % ("count", ""): total,
    }


BUDGETS = (
    # 100 calls a second; from the second hour on 2 of them fail.
    Story(
        "RingwardErrorBudgetFast", "2 % fail for an hour", _calls("0+30000x40", "0x12 500+600x28"), "2h30m", ("",), "5m"
    ),
    Story("RingwardErrorBudgetFast", "1 % fail for six hours", _calls("0+30000x100", "0+300x100"), "8h", ("",), "5m"),
    Story("RingwardErrorBudgetFast", "0.1 % fail, as they may", _calls("0+30000x100", "0+30x100"), "8h", (), "5m"),
    Story(
        "RingwardErrorBudgetFast",
        "2 % failed, and it is over",
        _calls("0+30000x60", "0+600x24 14400x36"),
        "2h30m",
        (),
        "5m",
    ),
    Story("RingwardErrorBudgetFast", "one of few calls fails", _calls("0+1x60", "0x30 1x30"), "3h", (), "5m"),
    Story(
        "RingwardErrorBudgetFast",
        "what fails is the callers' fault",
        {
            CALLS % "OK": "0+30000x60",
            CALLS % "INVALID_ARGUMENT": "0+9000x60",
            CALLS % "RESOURCE_EXHAUSTED": "0+9000x60",
        },
        "3h",
        (),
        "5m",
    ),
    Story(
        "RingwardErrorBudgetFast",
        "probes fail and watchers are sent away",
        {
            CALLS % "OK": "0+30000x60",
            FAILED.replace("base.v1.Permission/Check", "grpc.health.v1.Health/Check"): "0+9000x60",
            FAILED.replace("base.v1.Permission/Check", "base.v1.Watch/Watch"): "0+9000x60",
        },
        "3h",
        (),
        "5m",
    ),
    Story("RingwardErrorBudgetSlow", "0.4 % fail for a day", _calls("0+30000x300", "0+120x300"), "25h", ("",), "5m"),
    Story(
        "RingwardErrorBudgetSlow",
        "0.15 % fail for three days",
        _calls("0+180000x150", "0+270x150"),
        "74h",
        ("",),
        "30m",
    ),
    Story(
        "RingwardErrorBudgetSlow", "0.05 % fail for three days", _calls("0+180000x150", "0+90x150"), "74h", (), "30m"
    ),
    Story(
        "RingwardLatencyBudgetFast",
        "a fifth is slow for an hour",
        _checks("0+30000x40", "0+24000x40"),
        "2h",
        ("",),
        "5m",
    ),
    Story(
        "RingwardLatencyBudgetFast",
        "8 % are slow for six hours",
        _checks("0+30000x100", "0+27600x100"),
        "8h",
        ("",),
        "5m",
    ),
    Story("RingwardLatencyBudgetFast", "1 % is slow", _checks("0+30000x100", "0+29700x100"), "8h", (), "5m"),
    Story(
        "RingwardLatencyBudgetFast",
        "two of few checks are slow",
        _checks("0+1x60", "0+1x20 20x2 23+1x36"),
        "3h",
        (),
        "5m",
    ),
    Story(
        "RingwardLatencyBudgetSlow", "4 % are slow for a day", _checks("0+30000x300", "0+28800x300"), "25h", ("",), "5m"
    ),
    Story(
        "RingwardLatencyBudgetSlow", "half a percent is slow", _checks("0+30000x300", "0+29850x300"), "25h", (), "5m"
    ),
)
