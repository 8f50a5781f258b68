"""Whether a reply is an answer, and the one the workload knows to be right."""

from __future__ import annotations

from collections.abc import Callable

from bench.harness.ports import Answer, Ask, BulkCheck, Check, Endpoint, LookupEntities, LookupSubjects, Reply


def check_of(endpoint: Endpoint, ask: Ask) -> Callable[[Reply], bool]:
    """True for replies that the endpoint can read and that are not known to be wrong."""

    def is_right(reply: Reply) -> bool:
        try:
            return fits(ask, endpoint.answer(ask, reply))
        except ValueError:
            return False

    return is_right


def fits(ask: Ask, answer: Answer) -> bool:
    """True if the answer is of the kind asked for, and as expected where the ask says what that is."""
    match ask:
        case Check():
            return isinstance(answer, bool) and ask.expected in (None, answer)
        case LookupEntities() | LookupSubjects():
            return isinstance(answer, frozenset) and ask.expected in (None, len(answer))
        case BulkCheck():
            return isinstance(answer, tuple) and len(answer) == len(ask.questions)
        case _:
            return answer is None


def only(reply: Reply) -> bytes:
    """The one message of a reply that is no stream. Raises ValueError."""
    if len(reply) != 1:
        raise ValueError(f"{len(reply)} messages instead of one")
    return reply[0]
