"""The table of settings is the contract's, row by row, and each row holds together."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from cli.settings import Kind, Secrecy, Setting, mask
from cli.settings_table import SETTINGS, SETTINGS_BY_KEY


class ContractRow(NamedTuple):
    key: str
    flag: str
    env: str
    kind: str
    default: str


CONTRACT = [
    ContractRow(*line.split("\t"))
    for line in (Path(__file__).parent / "contract_settings.tsv").read_text(encoding="utf-8").splitlines()
]

OTHER_DEFAULTS = {
    "database.engine": "sqlite",
    "meter.endpoint": "",
    "logger.service_name": "ringward",
    "tracer.service_name": "ringward",
    "meter.service_name": "ringward",
}

KINDS = {
    "string": {Kind.TEXT, Kind.PORT, Kind.SIZE},
    "bool": {Kind.SWITCH},
    "int": {Kind.INTEGER},
    "int64": {Kind.INTEGER},
    "float": {Kind.NUMBER},
    "duration": {Kind.DURATION},
    "list": {Kind.LIST},
}


def test_the_settings_of_the_contract_are_all_there_in_its_order() -> None:
    of_the_contract = {row.key for row in CONTRACT}
    assert len(of_the_contract) == 92
    assert [setting.key for setting in SETTINGS if setting.key in of_the_contract] == [row.key for row in CONTRACT]


@pytest.mark.parametrize("row", CONTRACT, ids=lambda row: row.key)
def test_a_setting_has_the_contracts_names_kind_and_default(row: ContractRow) -> None:
    setting = SETTINGS_BY_KEY[row.key]
    default = "" if row.default.startswith("(empty") else row.default.strip("[]")

    assert f"--{setting.flag_name}" == row.flag
    assert f"PERMIFY_{setting.env_suffix}" == row.env
    assert setting.kind in KINDS[row.kind]
    assert setting.default == OTHER_DEFAULTS.get(row.key, default)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_a_default_reads_back_and_is_explained(setting: Setting) -> None:
    value = setting.default_value
    assert setting.parse(setting.print(value)) == value
    assert setting.help.endswith(".")


def test_flags_and_variables_name_one_setting_each() -> None:
    assert len({setting.flag_name for setting in SETTINGS}) == len(SETTINGS)
    assert len({setting.env_suffix for setting in SETTINGS}) == len(SETTINGS)


def test_only_switches_that_do_not_work_yet_are_refused() -> None:
    assert all(setting.kind is Kind.SWITCH and not setting.works for setting in SETTINGS if setting.refusal)


def test_a_setting_asks_for_its_choices_its_least_and_its_shape() -> None:
    with pytest.raises(ValueError, match="expected debug or info or warn or error"):
        SETTINGS_BY_KEY["logger.level"].parse("loud")
    with pytest.raises(ValueError, match="expected at least 2"):
        SETTINGS_BY_KEY["service.permission.concurrency_limit"].parse("1")
    with pytest.raises(ValueError, match="expected at least 1s"):
        SETTINGS_BY_KEY["service.watch.stall_timeout"].parse("999ms")
    with pytest.raises(ValueError, match="not a list"):
        SETTINGS_BY_KEY["server.host"].parse(("a", "b"))
    assert SETTINGS_BY_KEY["logger.level"].parse("WARN") == "warn"


@pytest.mark.parametrize(
    ("secret", "shown"), [("", ""), ("short", "****"), ("a-long-secret", "a****t"), ("12345678", "1****8")]
)
def test_a_mask_shows_first_and_last_character_at_most(secret: str, shown: str) -> None:
    assert mask(secret) == shown


def test_tokens_are_secret_and_a_plain_path_is_not() -> None:
    assert SETTINGS_BY_KEY["authn.preshared.keys"].secrecy is Secrecy.WHOLE
    uri = SETTINGS_BY_KEY["database.uri"]
    assert uri.show("/var/lib/ringward.db") == "/var/lib/ringward.db"
    assert uri.show("postgres://me:hush@host/db") == "p****b"
    assert uri.show("host=h password=hush") == "h****h"
