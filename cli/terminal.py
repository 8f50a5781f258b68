"""Printing for people: coloured on a terminal, plain elsewhere and where NO_COLOR is set."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console


def console(*, is_error: bool = False) -> Console:
    """A console on the current output or error stream, which prints texts as they are and never wraps them."""
    return _rich(stderr=is_error, soft_wrap=True, highlight=False, markup=False, emoji=False)


def say(text: str = "", *, style: str = "", is_error: bool = False) -> None:
    """Print a line, or several; style is rich's, such as ``bold red``."""
    console(is_error=is_error).print(text, style=style or None)


def give_up(*problems: str, code: int = 1) -> NoReturn:
    """Print each problem on the error stream and end the process with the exit code."""
    for problem in problems:
        say(f"error: {problem}", style="red", is_error=True)
    raise click.exceptions.Exit(code)


def takes_colour(stream: TextIO) -> bool:
    """True if text on this stream should be painted."""
    target = _rich(file=stream)
    return target.is_terminal and not target.no_color


def is_watched() -> bool:
    """True if a person sees the output as it comes, so that a progress bar makes sense."""
    return sys.stdout.isatty()


def _rich(**options: Any) -> Console:
    """A console of rich, which is loaded with the first: it takes as long as all else of a small command."""
    from rich.console import Console  # noqa: PLC0415 - as said

    return Console(**options)
