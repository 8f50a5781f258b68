"""The sample data that first steps are shown with, and its first answers."""

from __future__ import annotations

import shlex
from pathlib import Path

from google.protobuf import json_format

from cli.answers import CHECK, Answers
from cli.documents import read_document
from cli.terminal import say
from cli.validation_file import CheckCase, ValidationFile
from cli.validation_reader import read_validation_file
from cli.validation_requests import check_request
from cli.validation_run import Assertion, Result, assertions_of, load, settle
from model.errors import Unavailable

_SAMPLE = Path(__file__).parents[1] / "examples" / "drive.yaml"
_SHOWN = 4  # questions of the sample: enough to see both answers


def read_sample() -> ValidationFile:
    """The sample. Raises UnusableFile."""
    return read_validation_file(read_document(str(_SAMPLE)))


async def demonstrate(server: Answers, file: ValidationFile, *, address: str) -> None:
    """Load the sample and show some answers. Raises Unavailable if any is not as the sample says.

    address: where the reader can ask, too.
    """
    await load(server, file)
    say(f"\nloaded {_SAMPLE.name}: {len(file.relationships)} relationships, {len(file.attributes)} attributes")
    assertions = assertions_of(file)
    outcomes = [await settle(server, assertion) for assertion in assertions]
    wrong = [outcome for outcome in outcomes if outcome.result is not Result.PASSED]
    if wrong:
        raise Unavailable(
            f"{len(wrong)} sample questions are not answered as expected; see ringward validate {_SAMPLE}"
        )
    for outcome in outcomes[:_SHOWN]:
        say(f"  {outcome.assertion.title}?  {'allowed' if outcome.actual else 'denied'}", style="green")
    say(f"all {len(outcomes)} sample questions are answered as expected")
    say("\nAsk it yourself:", style="bold")
    say(_ask_command(assertions[0], address))
    say(f"Read the sample, change it, and test it: ringward validate {_SAMPLE}")


def _ask_command(assertion: Assertion, address: str) -> str:
    """The first question as a grpcurl command."""
    if not isinstance(assertion.case, CheckCase):
        raise TypeError("the sample begins with a check")
    request = check_request(assertion.case, assertion.permission)
    body = json_format.MessageToJson(request, preserving_proto_field_name=True, indent=None)
    return f"  grpcurl -plaintext -d {shlex.quote(body)} {address} {CHECK.removeprefix('/')}"
