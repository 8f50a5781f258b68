"""What is generated into the chart is up to date, and its README explains all there is."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
import yaml

from cli.settings import Secrecy
from cli.settings_table import SETTINGS
from helm import generate, values_file
from helm.schema import BOUNDS, DECIDED, schema_of, settable
from helm.values_file import Entry, Undocumented, entries
from tests.helm.chart import CHART, ROOT, VALUE_FILES, rendered


def test_what_is_generated_is_up_to_date() -> None:
    for path, text in generate.generated().items():
        assert path.read_text(encoding="utf-8") == text, "run `python -m helm.generate`"


def test_a_value_is_read_with_its_comment_and_its_default() -> None:
    text = "# Of all.\na:\n  # One,\n  # two.\n  b: {c: 1}\n# Last.\nd: []\n"
    assert entries(text) == [
        Entry(("a",), "Of all.", is_section=True),
        Entry(("a", "b"), "One, two.", default={"c": 1}),
        Entry(("d",), "Last.", default=[]),
    ]


def test_a_value_without_a_comment_is_no_value() -> None:
    with pytest.raises(Undocumented, match=r"values.yaml:4: c has no comment"):
        entries("a:\n  # One.\n  b: 1\n  c: 2\n")


def test_a_list_without_bounds_is_no_value() -> None:
    with pytest.raises(ValueError, match="x: what it may be must be told"):
        schema_of([*values_file.entries(values_file.PATH.read_text("utf-8")), Entry(("x",), "X.", default=[])])


def test_bounds_of_nothing_are_noticed() -> None:
    with pytest.raises(ValueError, match="values there are not"):
        schema_of([])


def test_every_setting_is_open_to_config_or_decided_or_a_secret() -> None:
    keys = {setting.key for setting in SETTINGS}
    for decided in DECIDED:
        assert any(key.startswith(decided) if decided.endswith(".") else key == decided for key in keys), decided
    secret = {setting.key for setting in SETTINGS if setting.secrecy is not Secrecy.OPEN}
    open_keys = {setting.key for setting in settable()}
    assert not open_keys & secret
    assert {"service.watch.enabled", "database.garbage_collection.window", "distributed.weight"} <= open_keys


@pytest.mark.parametrize("file", VALUE_FILES)
def test_what_the_chart_writes_is_decided_by_it_or_by_the_size(file: str) -> None:
    """So `config` can overrule nothing but the size."""
    by_size = {"database.max_connections"}
    by_size |= {f"service.permission.cache.{name}" for name in ("max_cost", "number_of_counters")}
    given = set(_keys(yaml.safe_load((CHART / "values" / f"{file}.yaml").read_text("utf-8")).get("config", {})))
    open_keys = {setting.key for setting in settable()}
    assert set(_keys(rendered(file).config)) & open_keys <= by_size | given


def _keys(section: dict[str, object], above: str = "") -> list[str]:
    found = []
    for name, value in section.items():
        found += _keys(value, f"{above}{name}.") if isinstance(value, dict) else [above + name]
    return found


def test_the_schema_knows_every_value_and_nothing_else() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() == values.keys() | {"global"}
    assert BOUNDS.keys() <= set(_schema_keys(schema))


def _schema_keys(schema: dict[str, object], above: str = "") -> list[str]:
    found = []
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for name, below in properties.items():
        found += [above + name, *_schema_keys(below, f"{above}{name}.")]
    return found


def test_the_chart_is_of_the_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_every_object_of_three_zones_is_explained() -> None:
    readme = (CHART / "README.md").read_text("utf-8")
    table = readme.partition("## Every object")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| (\w+) `([\w*-]+)`", table, re.MULTILINE))
    made = {
        (kind, re.sub(r"-migrate-[0-9a-f]{8}$", "-migrate-*", re.sub("-dashboard-.*", "-dashboard-*", name)))
        for kind, name in rendered("three-az").kinds_and_names()
    }
    assert explained == made


def test_links_of_the_readme_lead_somewhere() -> None:
    readme = (CHART / "README.md").read_text("utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in readme.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", readme):
        path, _, anchor = target.partition("#")
        if path:
            assert (CHART / path).exists(), target
        else:
            assert anchor in headings, target
