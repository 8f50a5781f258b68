"""Text the database can be asked for."""

from __future__ import annotations

import pytest

from storage.postgres.texts import is_searchable


@pytest.mark.parametrize("texts", [(), ("",), ("doc", "1"), ("é", "\uffff", "\U0001f600"), ("\x01",)])
def test_whatever_can_be_stored_can_be_searched(texts: tuple[str, ...]) -> None:
    assert is_searchable(*texts)


@pytest.mark.parametrize("texts", [("\0",), ("doc", "1\0x"), ("\ud800",), ("é", "\udfff"), ("\ud83d", "\ude00")])
def test_nul_and_halves_of_surrogate_pairs_cannot(texts: tuple[str, ...]) -> None:
    assert not is_searchable(*texts)
