"""``ringward bench``: how fast Ringward is on this machine, beside others, and what a change has done to that.

What measures lies in ``bench/`` and needs more than a node does, so it is imported only when it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click

from cli.terminal import give_up

_EPILOG = """\b
Examples:
  ringward bench                                          what finds room in a quarter of an hour
  ringward bench --list                                   workloads and systems there are
  ringward bench -w cached -w 'nesting depth=*' --runs 5
  ringward bench --openfga ~/go/bin/openfga --check       beside OpenFGA, in turns; held to bench/targets.toml
  ringward bench compare before/ after/

Exit code: 0 all was measured (and, with --check, every target is met), 1 it was not, 130 for Ctrl-C; what was measured
until then is written all the same."""

_RUN = "run"


class _RunUnlessTold(click.Group):
    """A group whose command ``run`` need not be named."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """As click does, with the name put in where it is left out."""
        if not args or (args[0].startswith("-") and args[0] not in context.help_option_names):
            args = [_RUN, *args]
        return super().parse_args(context, args)


@click.group(cls=_RunUnlessTold, epilog=_EPILOG, short_help="Measure how fast it is.")
def bench() -> None:
    """Measure how fast Ringward is on this machine, alone or beside others.

    Systems are started, loaded with the same data, and asked the same in turns, by processes of their own. Without a
    command it is `bench run`.
    """


@bench.command(_RUN, short_help="Measure, and write a report.")
@click.option(
    "-w",
    "--workload",
    "workloads",
    multiple=True,
    metavar="PATTERN",
    help="Those whose name, or name with sizes, fits.",
)
@click.option("-s", "--system", "systems", multiple=True, metavar="NAME", help="In the order of turns.")
@click.option("--tuples", type=click.IntRange(100), multiple=True, metavar="N", help="How much data; default 100000.")
@click.option("--depth", "depths", type=click.IntRange(1, 30), multiple=True, metavar="N", help="Of nesting.")
@click.option("--members", type=click.IntRange(1), multiple=True, metavar="N", help="Of wide groups.")
@click.option(
    "--width", "widths", type=click.IntRange(1), multiple=True, metavar="N", help="Groups a document is open to."
)
@click.option(
    "--nodes", type=click.IntRange(1, 16), multiple=True, metavar="N", help="Of ringward-cluster; default 1 2 3."
)
@click.option("--openfga", default="", metavar="WHERE", help="Its program, or host:port of a running one.")
@click.option("--spicedb", default="", metavar="WHERE", help="Likewise.")
@click.option("--spicedb-key", default="", metavar="KEY", help="What a running SpiceDB asks for.")
@click.option("--permify", default="", metavar="WHERE", help="Likewise.")
@click.option(
    "--transport", default="", metavar="NAME", help="What serves gRPC in Ringward: see `ringward serve --help`."
)
@click.option("--serve-option", "serve_options", multiple=True, metavar="OPTION", help="One more for `ringward serve`.")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Stretches of load for each row.")
@click.option("--duration", type=click.FloatRange(0.1), default=3.0, show_default=True, metavar="S", help="Of each.")
@click.option("--warm-up", type=click.FloatRange(0), default=1.0, show_default=True, metavar="S", help="Before each.")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="PER_S", help="An open loop for all workloads."
)
@click.option(
    "--callers", type=click.IntRange(1), metavar="N", help="Of closed loops, in place of each workload's own."
)
@click.option("--arrivals", type=click.Choice(("poisson", "constant")), default="poisson", help="Of open loops.")
@click.option(
    "--generators", type=click.IntRange(1), default=2, show_default=True, help="Processes that make the load."
)
@click.option("--peaks/--no-peaks", default=True, help="Measure peak rates by h2load as well.")
@click.option(
    "--targets", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Not bench/targets.toml."
)
@click.option("--check", is_flag=True, help="Fail if a target is missed, or was not measured.")
@click.option("--list", "is_list", is_flag=True, help="Show what would be measured, and stop.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("bench-results"),
    show_default=True,
    metavar="FOLDER",
    help="For results.json, report.md and report.html.",
)
def run(**given: Any) -> None:
    """Measure workloads on systems, and write results.json, report.md and report.html.

    By default ringward over its own file and over PostgreSQL, and every peer whose program or address is given.
    """
    try:
        from cli.bench_run import Order, run_bench  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        _give_up_without(error)
    raise click.exceptions.Exit(run_bench(Order(**given)))


@bench.command(short_help="What has changed from one run to another.")
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path))
def compare(before: Path, after: Path) -> None:
    """Show what has changed from one run to another beyond noise, as Markdown.

    BEFORE and AFTER are folders that `bench` has written, or files results.json.
    """
    try:
        from bench.harness.compare import compared  # noqa: PLC0415 - see above
        from bench.harness.results import InvalidResults, from_json  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        _give_up_without(error)
    problems: list[str] = []
    runs = []
    for path in (before, after):
        file = path / "results.json" if path.is_dir() else path
        try:
            runs.append(from_json(file.read_text(encoding="utf-8")))
        except (InvalidResults, OSError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {error}")
    if problems:
        give_up(*problems)
    click.echo(compared(*runs))


def _give_up_without(error: ModuleNotFoundError) -> NoReturn:
    give_up(f"benchmarks need {error.name}, which is not here: pip install 'ringward[bench]'")
