"""Do systems answer alike? A measurement of wrong answers would be none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bench.harness.ports import Answer, Ask, CallFailed, Endpoint, Workload
from bench.harness.systems.replies import fits

_AT_ONCE = 4


async def differences(endpoints: Mapping[str, Endpoint], workload: Workload) -> Sequence[str]:
    """What systems, by name, do not answer alike or as expected in a workload's sample: a line for each such ask."""
    asks = list(workload.sample())
    answers = {name: await _answers(endpoint, asks) for name, endpoint in endpoints.items()}
    found = ({name: given[number] for name, given in answers.items()} for number in range(len(asks)))
    return [_told(ask, each) for ask, each in zip(asks, found, strict=True) if not _is_right(ask, each)]


async def _answers(endpoint: Endpoint, asks: Sequence[Ask]) -> Sequence[Answer | CallFailed | ValueError]:
    """In order; a failure stands in the place of the answer."""
    given: list[Answer | CallFailed | ValueError] = [None] * len(asks)
    waiting = iter(enumerate(asks))
    async with endpoint.connected(1) as connection, asyncio.TaskGroup() as group:

        async def some() -> None:
            for number, ask in waiting:
                try:
                    given[number] = endpoint.answer(ask, await connection.call(endpoint.request(ask)))
                except (CallFailed, ValueError) as error:
                    given[number] = error

        for _ in range(_AT_ONCE):
            group.create_task(some())
    return given


def _is_right(ask: Ask, answers: Mapping[str, Answer | CallFailed | ValueError]) -> bool:
    if any(isinstance(answer, Exception) or not fits(ask, answer) for answer in answers.values()):
        return False
    return len(set(answers.values())) <= 1


def _told(ask: Ask, answers: Mapping[str, Answer | CallFailed | ValueError]) -> str:
    return f"{ask}: {', '.join(f'{name} says {_short(answer)}' for name, answer in answers.items())}"


def _short(answer: Answer | CallFailed | ValueError) -> str:
    if isinstance(answer, frozenset):
        return f"{len(answer)} ids"
    if isinstance(answer, tuple):
        return f"{sum(answer)} of {len(answer)} allowed"
    return f"{answer}"
