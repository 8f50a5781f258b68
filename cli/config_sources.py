"""Where settings come from: the file, the environment, the flags. Each source tells texts, places and complaints.

Nothing is parsed here but the shape of the source; the texts are read once it is known which source wins.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cli.located_yaml import YamlList, YamlMap, YamlNode, YamlScalar, read_yaml
from cli.settings import Kind
from cli.settings_table import READ_BY_NOBODY, SETTINGS, SETTINGS_BY_KEY
from model.errors import InvalidRequest

DEFAULT_FILE = Path("config/config.yaml")
"""Read where no other is named, if it is there; below the current folder."""

ENV_PREFIX = "RINGWARD_"
COMPATIBLE_ENV_PREFIX = "PERMIFY_"


class Given(NamedTuple):
    """A setting as somebody wrote it, and where: a flag, a variable, or a line of a file."""

    text: str | tuple[str, ...]
    place: str


@dataclass(slots=True)
class Readings:
    """What one source says: a text per key, and what is wrong or only odd about it."""

    given: dict[str, Given] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def suggestion(word: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` for the known word nearest to a wrong one, or nothing if none is near."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def from_flags(flags: Mapping[str, Sequence[str]]) -> Readings:
    """Settings by key as given on the command line; a list's flag may be repeated."""
    given: dict[str, Given] = {}
    for key, texts in flags.items():
        if texts:
            setting = SETTINGS_BY_KEY[key]
            text = ",".join(texts) if setting.kind is Kind.LIST else texts[-1]
            given[key] = Given(text, f"--{setting.flag_name}")
    return Readings(given)


def from_environment(environment: Mapping[str, str]) -> Readings:
    """Settings from ``RINGWARD_…``, else ``PERMIFY_…``. An empty variable counts as not set.

    Unknown RINGWARD_ names are problems, unknown PERMIFY_ names warnings: those may be meant for the other program.
    What Kubernetes sets in each container for a service called ringward is neither.
    """
    readings = Readings()
    key_of = {setting.env_suffix: setting.key for setting in SETTINGS}
    for prefix in (COMPATIBLE_ENV_PREFIX, ENV_PREFIX):
        for name in sorted(environment):
            suffix, text = name.removeprefix(prefix), environment[name]
            if suffix == name or not text:
                continue
            if suffix in key_of:
                readings.given[key_of[suffix]] = Given(text, name)
            elif not _is_service_link(suffix, text):
                complaint = f"{name}: unknown environment variable{suggestion(name, (prefix + s for s in key_of))}"
                (readings.problems if prefix == ENV_PREFIX else readings.warnings).append(complaint)
    return readings


_SERVICE_HOST = re.compile(r"(.+_)?SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)")
_SERVICE_PORT = re.compile(r"(.+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")


def _is_service_link(suffix: str, text: str) -> bool:
    """True for the variables Kubernetes derives from services, such as RINGWARD_PORT=tcp://10.0.0.1:3478."""
    if _SERVICE_HOST.fullmatch(suffix):
        return True
    match = _SERVICE_PORT.fullmatch(suffix)
    return match is not None and (match[2] is not None or "://" in text)


def from_file(path: Path) -> Readings:
    """Settings from a YAML file with nested keys, in any case. A file that cannot be read is one problem."""
    try:
        root = read_yaml(path.read_text(encoding="utf-8"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return Readings(problems=[f"{path}: cannot read the configuration file: {reason}"])
    except InvalidRequest as error:
        return Readings(problems=[str(error)])
    reader = _FileReader(path)
    reader.read_section("", root, line=1)
    return reader.readings


class _FileReader:
    """Walks the sections of a file and collects what they say."""

    def __init__(self, path: Path) -> None:
        self.readings = Readings()
        self._path = path

    def read_section(self, prefix: str, node: YamlNode, *, line: int) -> None:
        if isinstance(node, YamlScalar) and node.value is None:
            return
        if not isinstance(node, YamlMap):
            self._complain(line, f"{prefix.removesuffix('.') or 'the file'}: expected a section with keys")
            return
        for name, entry in node.entries.items():
            self._read_entry(prefix + name.lower(), entry, line=node.lines[name])

    def _read_entry(self, key: str, node: YamlNode, *, line: int) -> None:
        if key in SETTINGS_BY_KEY:
            self._read_setting(key, node, line=line)
        elif key in READ_BY_NOBODY:
            self.readings.warnings.append(f"{self._path}:{line}: {key}: nothing reads this key")
        elif any(known.startswith(f"{key}.") for known in SETTINGS_BY_KEY):
            self.read_section(f"{key}.", node, line=line)
        else:
            self._complain(line, f"{key}: unknown key{_suggested_key(key)}")

    def _read_setting(self, key: str, node: YamlNode, *, line: int) -> None:
        place = f"{self._path}:{line}"
        match node:
            case YamlScalar(value=None):
                return
            case YamlScalar():
                self.readings.given[key] = Given(node.text, place)
            case YamlList() if all(isinstance(item, YamlScalar) for item in node.items):
                items = tuple(item.text for item in node.items if isinstance(item, YamlScalar))
                self.readings.given[key] = Given(items, place)
            case _:
                self._complain(line, f"{key}: expected a value, not a section")

    def _complain(self, line: int, complaint: str) -> None:
        self.readings.problems.append(f"{self._path}:{line}: {complaint}")


def _suggested_key(key: str) -> str:
    """A suggestion among what could stand in the same section; else among all keys, also by the names of flags."""
    depth = key.count(".") + 1
    section = key.rpartition(".")[0]
    beside = {".".join(known.split(".")[:depth]) for known in SETTINGS_BY_KEY if known.startswith(section)}
    if found := suggestion(key, beside):
        return found
    names = {name: known for known in SETTINGS for name in (known.key, known.flag_name.replace("-", "_"))}
    nearest = difflib.get_close_matches(key, names, n=1, cutoff=0.7)
    return f"; did you mean {names[nearest[0]].key}?" if nearest else ""
