"""How fast schemas compile: lines per second over sizes, and the worst a text within the limits can cost.

Run ``python -m bench.schema_compile``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, pairwise, product

from bench.machine import machine, peak_memory_mb
from model.errors import AuthzError
from schema.compiler import MAX_RULES, compile_schema
from schema.source import MAX_SCHEMA_BYTES

SIZES_LINES = (100, 500, 2_000, 10_000)
REPEATS = 3


def main() -> None:
    """Print one line per size, then one per hostile text."""
    print(machine())
    compile_schema("entity user {}")  # the parser's tables are built once per process
    for lines in SIZES_LINES:
        text = "\n".join(islice(ordinary_lines(), lines - 1)) + "\n}"
        spent_s = min(_compile_time_s(text) for _ in range(REPEATS))
        print(f"{text.count(chr(10)) + 1:6} lines {spent_s * 1e3:8.1f} ms {lines / spent_s:8.0f} lines/s")
    for name, text in hostile():
        spent_s = _compile_time_s(text)
        print(f"{name:32} {len(text) / 1e6:5.2f} MB {spent_s:6.2f} s, peak {peak_memory_mb():.0f} MB")


def ordinary_lines() -> Iterator[str]:
    """Lines of a schema without end, ten to an entity; cut anywhere after the first twelve it lacks only a brace."""
    yield from ("entity user {}", "rule small(size integer) {", "  size < 10", "}")
    for name in names():
        yield from (
            f"entity {name} {{",
            "  relation owner @user",
            f"  relation viewer @user @{name}#owner",
            f"  relation parent @{name}",
            "  attribute size integer",
            "  attribute listed boolean",
            "  permission edit = owner or parent.edit",
            "  permission view = (viewer or edit or parent.view) and listed",
            "  permission drop = owner not small(size)",
            "}",
        )


def hostile() -> Iterator[tuple[str, str]]:
    """Texts that cost the most we know of."""
    count = MAX_SCHEMA_BYTES // 26
    chain = list(islice(names(), count + 1))
    relations = "\n".join(f"relation {a} @u#{b}" for a, b in pairwise(chain))
    yield "relations in a chain", f"entity u {{\n{relations}\nrelation {chain[-1]} @u }}"
    yield "targets of one relation", "entity u { relation r " + "@u#r " * (MAX_SCHEMA_BYTES // 5 - 10) + "}"
    rules = "\n".join(f"rule {name}(n integer) {{ n < 1 && n > 0 }}" for name in islice(names(), MAX_RULES))
    yield "rules", "entity u {}\n" + rules
    body = " || ".join(["n < 1"] * 1_600)
    yield "long rules", "entity u {}\n" + "\n".join(f"rule {n}(n integer) {{ {body} }}" for n in islice(names(), 35))
    yield "one permission", "entity u { permission p = r(" + "a," * (MAX_SCHEMA_BYTES // 2 - 20) + "a) }"
    yield "brackets", "entity u { " + "{" * (MAX_SCHEMA_BYTES - 20) + "}"


def names() -> Iterator[str]:
    """Distinct names without digits, five letters each."""
    for letters in product("abcdefghijklmnopqrstuvwxyz", repeat=4):
        yield "x" + "".join(letters)


def _compile_time_s(text: str) -> float:
    started = time.perf_counter()
    try:
        compile_schema(text)
    except AuthzError as error:
        print(f"  {str(error)[:100]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
