"""What ``ringward validate`` prints: one line per assertion, what differs where one failed, and the sum at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cli.terminal import say
from cli.validation_run import Answer, Outcome, Result


def print_scenario(name: str) -> None:
    """The heading of a scenario."""
    say(f"\n{name}", style="bold")


def print_kind(kind: str) -> None:
    """The heading of a scenario's checks, entity filters or subject filters, as the file calls them."""
    say(f"  {kind}:", style="dim")


def print_outcome(outcome: Outcome) -> None:
    """``success:`` or ``fail:`` with the question, and for failures what was expected and what came."""
    if outcome.result is Result.PASSED:
        say(f"    success: {outcome.assertion.title} ({_print(outcome.assertion.expected)})", style="green")
    elif outcome.result is Result.NOT_CHECKED:
        say(f"    not checked: {outcome.assertion.title} ({outcome.error})", style="yellow")
    else:
        say(f"    fail: {outcome.assertion.title}", style="red")
        for line in _difference(outcome):
            say(f"      {line}")


def print_summary(source: str, outcomes: Sequence[Outcome]) -> None:
    """All that did not pass, each with its place in the source, then SUCCESS or FAILED with the numbers."""
    counts = Counter(outcome.result for outcome in outcomes)
    passed = counts[Result.PASSED]
    others = [outcome for outcome in outcomes if outcome.result is not Result.PASSED]
    if not others:
        say(f"\nSUCCESS: {passed} of {passed} assertions hold", style="bold green")
        return
    say("\nfails:", style="bold red")
    for outcome in others:
        asserted = outcome.assertion
        place = f"{source}:{asserted.line}"
        say(f"  {place}: {asserted.scenario}: {asserted.title} ({outcome.result.value})", style="red")
    unchecked = counts[Result.NOT_CHECKED]
    note = f", {unchecked} could not be checked by this version" if unchecked else ""
    say(f"\nFAILED: {passed} of {len(outcomes)} assertions hold{note}", style="bold red")


def _difference(outcome: Outcome) -> list[str]:
    expected, actual = outcome.assertion.expected, outcome.actual
    if actual is None:
        return [f"expected: {_print(expected)}", f"error:    {outcome.error}"]
    lines = [f"expected: {_print(expected)}", f"actual:   {_print(actual)}"]
    if isinstance(expected, frozenset) and isinstance(actual, frozenset):
        lines += [f"missing:  {_print(expected - actual)}"] if expected - actual else []
        lines += [f"too many: {_print(actual - expected)}"] if actual - expected else []
    return lines


def _print(answer: Answer) -> str:
    if isinstance(answer, bool):
        return "allowed" if answer else "denied"
    return f"[{', '.join(sorted(answer))}]"
