"""What ``ringward coverage`` tells: lines for people, or one JSON object for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cli.coverage_measure import Coverage, EntityCoverage, Share
from cli.terminal import say
from cli.validation_run import Outcome, Result

_POOR_PERCENT = 50  # red up to here, green above


class Threshold(NamedTuple):
    """How much of a kind must be covered, and how much is."""

    kind: str
    least_percent: int
    percent: int

    @property
    def is_met(self) -> bool:
        """True if enough is covered."""
        return self.percent >= self.least_percent


@dataclass(frozen=True, slots=True)
class CoverageResult:
    """What became of one file: its assertions, what they cover, and what was asked for."""

    outcomes: Sequence[Outcome]
    coverage: Coverage
    thresholds: Sequence[Threshold]

    @property
    def failures(self) -> list[str]:
        """Why the command fails, one line each; empty if it does not."""
        broken = sum(outcome.result is not Result.PASSED for outcome in self.outcomes)
        assertions = [f"{broken} of {len(self.outcomes)} assertions do not hold"] if broken else []
        return assertions + [
            f"{each.kind} coverage < {each.least_percent}%" for each in self.thresholds if not each.is_met
        ]


def print_coverage(result: CoverageResult) -> None:
    """Each entity type with what is not covered, the totals, and SUCCESS or the failures and FAILED."""
    say("\ncoverage", style="bold")
    for entity in result.coverage.entities:
        _print_entity(entity)
    say("\ntotal")
    for each in result.thresholds:
        _print_percent(each.kind, each.percent)
    for failure in result.failures:
        say(f"\n{failure}", style="red")
    say("\nFAILED" if result.failures else "\nSUCCESS", style="bold red" if result.failures else "bold green")


def print_coverage_json(result: CoverageResult) -> None:
    """The same as one JSON object, for pipelines."""
    coverage = result.coverage
    report = {
        "result": "FAILED" if result.failures else "SUCCESS",
        "failures": result.failures,
        "total": {each.kind: each.percent for each in result.thresholds},
        "entities": [_entity_json(entity) for entity in coverage.entities],
        "assertions": [
            {
                "scenario": outcome.assertion.scenario,
                "question": outcome.assertion.title,
                "result": outcome.result.value,
            }
            for outcome in result.outcomes
        ],
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))


def _print_entity(entity: EntityCoverage) -> None:
    say(f"\n  {entity.name}", style="bold")
    _print_share("relationships", entity.relationships)
    _print_share("attributes", entity.attributes)
    if not any(share.names for _, share in entity.assertions):
        _print_percent("  assertions", 100)
        return
    for scenario, share in entity.assertions:
        _print_share(f"assertions of {scenario}", share)


def _print_share(kind: str, share: Share) -> None:
    _print_percent(f"  {kind}", share.percent)
    for name in share.uncovered:
        say(f"      uncovered: {name}")


def _print_percent(kind: str, percent: int) -> None:
    say(f"  {kind}: {percent}%", style="red" if percent <= _POOR_PERCENT else "green")


def _entity_json(entity: EntityCoverage) -> Mapping[str, object]:
    return {
        "name": entity.name,
        "relationships": _share_json(entity.relationships),
        "attributes": _share_json(entity.attributes),
        "assertions": [{"scenario": scenario, **_share_json(share)} for scenario, share in entity.assertions],
    }


def _share_json(share: Share) -> Mapping[str, object]:
    return {"percent": share.percent, "uncovered": share.uncovered}
