"""Three CEL libraries for Python held against what the rules of a schema need: correctness, speed, hostile input.

Run it with an interpreter that has the libraries: ``python -m bench.cel_libraries``. Those missing are left out. Prints
Markdown tables; docs/adr/0002-cel-library.md quotes them.
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.machine import machine

ARGUMENTS: dict[str, Any] = {"b": True, "n": 7, "d": 1.5, "s": "abc", "ns": [1, 2, 3], "ss": ["a", "b"]}
DATA: dict[str, Any] = {"flag": True, "x": 3.0, "one": 1.0, "l": [1.0, 2.0], "m": {"k": "v"}, "none": None}

REFUSED = "refused"
"""The expected outcome where the expression must not compile."""
FAILED = "failed"
"""The expected outcome where evaluation must fail."""

FEATURES: Mapping[str, Mapping[str, object]] = {
    "typed parameters": {
        "n == 7 && d > 1.0 && s == 'abc' && b": True,
        "ns == [1, 2, 3] && 'a' in ss": True,
        "n + 2 * 3 - 1 == 12 && n / 2 == 3 && -n % 4 == -3": True,
    },
    "context": {
        "context.data.x > 2 && context.data.one == 1": True,
        "context.data['x'] == 3.0": True,
        "1 in context.data.l": True,
        "context.data.x == 3u": True,
        "context.data.none == null": True,
        "context.data.flag == true": True,
    },
    "static types": {
        "n > 1.5": REFUSED,
        "d > 1": REFUSED,
        "s + 1 == 'abc1'": REFUSED,
        "unknown == 1": REFUSED,
        "unknown(n)": REFUSED,
        "n": REFUSED,
        "context.data.flag": REFUSED,
        "package == ''": REFUSED,
    },
    "macros": {
        "has(context.data.x) && !has(context.data.y)": True,
        "ns.all(x, x > 0) && ns.exists(x, x == 2) && ns.exists_one(x, x > 2)": True,
        "ns.map(x, x * 2) == [2, 4, 6] && ns.filter(x, x > 1) == [2, 3]": True,
        "ns.map(x, x > 1, x * 2) == [4, 6]": True,
        "context.data.m.all(k, k == 'k')": True,
        "[0, 1].exists(x, 1 / x == 1)": True,
    },
    "strings": {
        "size(s) == 3 && s.size() == 3 && size('é😀') == 2": True,
        "s.contains('b') && s.startsWith('a') && s.endsWith('c')": True,
        "s.matches('^[a-c]+$') && !s.matches('^b')": True,
        r"'\u00e9' == 'é' && r'\n'.size() == 2": True,
    },
    "conversions": {
        "int('7') == n && string(n) == '7' && double(n) == 7.0 && uint(n) == 7u": True,
        "bytes(s) == b'abc' && type(n) == int && dyn(n) == 7.0": True,
        "bool('true')": True,
    },
    "time": {
        "timestamp('2024-03-01T12:30:00Z').getHours() == 12": True,
        "timestamp('2024-03-01T12:30:00Z').getHours('America/New_York') == 7": True,
        "timestamp('2024-03-01T12:30:00Z').getDayOfWeek('UTC') == 5": True,
        "timestamp('2024-03-01T12:30:00Z').getDayOfMonth() == 0": True,
        "timestamp('2024-03-01T12:30:00Z').getFullYear() == 2024": True,
        "timestamp('2024-03-01T12:30:00Z') + duration('1h') < timestamp('2024-03-01T14:00:00Z')": True,
        "duration('90m').getMinutes() == 90 && duration('1.5s').getMilliseconds() == 500": True,
    },
    "errors": {
        "context.data.y == 1": FAILED,
        "context.data.x + 1 > 2": FAILED,
        "n / 0 == 1": FAILED,
        "n + 9223372036854775807 > 0": FAILED,
        "timestamp(99999999999999) > timestamp(0)": FAILED,
        "context.data.y == 1 || true": True,
        "false && n / 0 == 1": False,
    },
    "no extensions": {
        "cel.bind(x, 1, x == 1)": REFUSED,
        "s.charAt(0) == 'a'": REFUSED,
        "s.lowerAscii() == 'abc'": REFUSED,
        "optional.of(1).hasValue()": REFUSED,
        "math.greatest(1, 2) == 2": REFUSED,
    },
}

HOSTILE = {
    "nested parentheses": "(" * 100_000 + "true" + ")" * 100_000,
    "nested lists": "[" * 100_000 + "]" * 100_000 + " == []",
    "unary minus": "-" * 100_000 + "n == 1",
    "sum of 40 000": "+".join(["n"] * 40_000) + " == 1",
    "nested macros": "[0,1,2,3,4,5,6,7,8,9]" + ".all(a, [0,1,2,3,4,5,6,7,8,9]" * 6 + ".all(z, true)" + ")" * 6,
    "string doubling": "[s]" + ".map(x, x + x)" * 27 + ".size() == 1",
    "shared doubling": "[ns]" + ".map(x, [x, x])" * 27 + ".all(y, y == y)",
    "backtracking regex": f"'{'a' * 40}'.matches('^(a|a)*b$')",
    "unrolled regex": "s.matches('" + "x{0,1000}" * 100 + "')",
}

Evaluate = Callable[[], object]
LIMIT_BYTES = 2 << 30
LIMIT_S = 10.0


def main() -> None:
    """Print the tables, or run one hostile expression if asked to."""
    if len(sys.argv) == 3:
        _run_hostile(sys.argv[1], sys.argv[2])
        return
    present = {package: adapter for package, adapter in LIBRARIES.items() if _version(package)}
    print(f"{machine()}\n")
    _row("", *(f"{package} {_version(package)}" for package in present))
    _row(*["--"] * (len(present) + 1))
    results = {package: _correct(adapter) for package, adapter in present.items()}
    for feature, cases in FEATURES.items():
        _row(feature, *(f"{results[package][feature]} of {len(cases)}" for package in present))
    for name, measure in MEASURES.items():
        _row(f"{name}, µs", *(f"{measure(adapter) * 1e6:.0f}" for adapter in present.values()))
    for name in HOSTILE:
        _row(name, *(_hostile_outcome(package, name) for package in present))


def _row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _google(body: str) -> Evaluate:
    cel = importlib.import_module("cel_expr_python.cel")
    kinds = cel.Type
    types = {"b": kinds.BOOL, "n": kinds.INT, "d": kinds.DOUBLE, "s": kinds.STRING}
    lists = {"ns": kinds.List(kinds.INT), "ss": kinds.List(kinds.STRING)}
    expression = cel.NewEnv(variables={**types, **lists, "context": kinds.DYN}).compile(body)
    if expression.return_type() != kinds.BOOL:
        raise TypeError("not bool")

    def evaluate() -> object:
        value = expression.eval(data={**ARGUMENTS, "context": {"data": DATA}}).value()
        if not isinstance(value, bool):
            raise TypeError(value)
        return value

    return evaluate


def _rust(body: str) -> Evaluate:
    program = importlib.import_module("cel").compile(body)
    return lambda: program.execute({**ARGUMENTS, "context": {"data": DATA}})


def _python(body: str) -> Evaluate:
    celpy = importlib.import_module("celpy")
    kinds = celpy.celtypes
    types = {"b": kinds.BoolType, "n": kinds.IntType, "d": kinds.DoubleType, "s": kinds.StringType}
    lists = {"ns": kinds.ListType, "ss": kinds.ListType, "context": kinds.MapType}
    environment = celpy.Environment(annotations={**types, **lists})
    program = environment.program(environment.compile(body))

    def evaluate() -> object:
        activation = {name: celpy.json_to_cel(value) for name, value in ARGUMENTS.items()}
        value = program.evaluate({**activation, "context": celpy.json_to_cel({"data": DATA})})
        return bool(value)

    return evaluate


LIBRARIES: Mapping[str, Callable[[str], Evaluate]] = {
    "cel-expr-python": _google,
    "common-expression-language": _rust,
    "cel-python": _python,
}


def _correct(adapter: Callable[[str], Evaluate]) -> Counter[str]:
    return Counter(
        feature
        for feature, cases in FEATURES.items()
        for body, expected in cases.items()
        if _outcome(adapter, body) == expected
    )


def _outcome(adapter: Callable[[str], Evaluate], body: str) -> object:
    try:
        evaluate = adapter(body)
    except Exception:  # any refusal counts, whatever the library raises
        return REFUSED
    try:
        return evaluate()
    except Exception:  # the same for failures
        return FAILED


TYPICAL = "n < 10 && context.data.x > 1.0 && s.startsWith('a')"


def _compile_time_s(adapter: Callable[[str], Evaluate]) -> float:
    return min(_timed(lambda: adapter(TYPICAL), 50) for _ in range(3))


def _evaluation_time_s(adapter: Callable[[str], Evaluate]) -> float:
    evaluate = adapter(TYPICAL)
    return min(_timed(evaluate, 1_000) for _ in range(3))


MEASURES = {"compile": _compile_time_s, "evaluate": _evaluation_time_s}


def _timed(act: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - started) / times


def _hostile_outcome(package: str, name: str) -> str:
    """What became of a process of its own that tried the expression."""
    command = [
        sys.executable,
        "-m",
        "bench.cel_libraries",
        package,
        name,
    ]  # this module, with names from its own tables
    started = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"over {LIMIT_S:.0f} s"
    if done.returncode < 0:
        return "**crash**"
    outcome = done.stdout.strip() or "out of memory"
    return f"{outcome}, {time.perf_counter() - started:.1f} s"


def _run_hostile(package: str, name: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    outcome = _outcome(LIBRARIES[package], HOSTILE[name])
    print(outcome if isinstance(outcome, str) else "evaluated")


if __name__ == "__main__":
    main()
