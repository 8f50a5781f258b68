"""Paged reads: every item once and in order, at a pinned snapshot, whatever is written meanwhile."""

from __future__ import annotations

import base64

import pytest

from model.attributes import Attribute, AttributeKind, AttributeValue
from model.errors import ErrorCode, InvalidRequest
from model.snapshot import Snapshot
from model.tuples import RelationTuple
from storage.base import AttributeFilter, Changeset, PageRequest, Storage, TupleFilter

_FILTERS = [
    TupleFilter(),
    TupleFilter(entity_type="doc"),
    TupleFilter(relation="viewer"),
    TupleFilter(entity_type="doc", entity_ids=["1"]),
    TupleFilter(entity_type="doc", entity_ids=["1", "2"]),
    TupleFilter(entity_ids=["1", "2"]),
    TupleFilter(subject_type="user", subject_ids=["7"]),
]


async def pages_of(store: Storage, snapshot: Snapshot, where: TupleFilter, size: int) -> list[list[RelationTuple]]:
    """All pages; between two of them something is written and deleted."""
    pages, token = [], ""
    while True:
        page = await store.read_tuples("t1", snapshot, where, PageRequest(size, token))
        pages.append(list(page.items))
        if not (token := page.next_token):
            return pages
        await store.write("t1", [Changeset([RelationTuple("doc", "1", "viewer", "user", f"new{len(pages)}")])])
        await store.delete("t1", TupleFilter(subject_ids=["7"]), None)


@pytest.mark.parametrize("where", _FILTERS)
@pytest.mark.parametrize("size", [1, 7, 100])
async def test_pages_have_no_gaps_and_no_duplicates_while_writes_go_on(
    store: Storage, where: TupleFilter, size: int
) -> None:
    written = [RelationTuple("doc", str(1 + i % 2), "viewer", "user", str(i)) for i in range(30)]
    await store.write("t1", [Changeset(written[:20])])
    snapshot = await store.write("t1", [Changeset(written[20:])])
    whole = (await store.read_tuples("t1", snapshot, where, PageRequest(1000))).items
    pages = await pages_of(store, snapshot, where, size)
    assert [item for page in pages for item in page] == whole
    assert all(len(page) == size for page in pages[:-1])
    assert pages[-1] or not whole  # no page is promised in vain


@pytest.mark.parametrize("ids", [["1"], ["1", "2"]])
async def test_wide_selections_page_like_narrow_ones(store: Storage, ids: list[str]) -> None:
    written = [RelationTuple("doc", str(i % 3), "viewer", "user", str(i)) for i in range(9000)]
    snapshot = await store.write("t1", [Changeset(written)])
    where = TupleFilter(entity_type="doc", entity_ids=ids)
    expected = [item for item in written if item.entity_id in ids]
    found: list[RelationTuple] = []
    token = ""
    while True:
        page = await store.read_tuples("t1", snapshot, where, PageRequest(999, token))
        found += page.items
        if not (token := page.next_token):
            break
    assert found == expected


async def test_attributes_page_in_order_of_writing(store: Storage) -> None:
    values = [AttributeValue(AttributeKind.INTEGER, i) for i in range(5)]
    written = [Attribute("doc", str(9 - i), "size", value) for i, value in enumerate(values)]
    snapshot = await store.write("t1", [Changeset((), written)])
    first = await store.read_attributes("t1", snapshot, AttributeFilter(), PageRequest(3))
    await store.write("t1", [Changeset((), written)])
    second = await store.read_attributes("t1", snapshot, AttributeFilter(), PageRequest(3, first.next_token))
    assert [*first.items, *second.items] == written
    assert second.next_token == ""


async def test_a_page_that_holds_everything_has_no_next(store: Storage) -> None:
    written = [RelationTuple("doc", "1", "viewer", "user", str(i)) for i in range(3)]
    snapshot = await store.write("t1", [Changeset(written)])
    page = await store.read_tuples("t1", snapshot, TupleFilter(), PageRequest(3))
    assert (page.items, page.next_token) == (written, "")


async def test_tokens_are_base64_of_the_next_row_id(store: Storage) -> None:
    written = [RelationTuple("doc", "1", "viewer", "user", str(i)) for i in range(3)]
    snapshot = await store.write("t1", [Changeset(written)])
    page = await store.read_tuples("t1", snapshot, TupleFilter(), PageRequest(1))
    assert base64.b64decode(page.next_token, validate=True).isdigit()


_BAD_TOKENS = ["%", "abc", base64.b64encode(b"x").decode(), base64.b64encode(b"-1").decode(), "Ä",
               base64.b64encode(b"9" * 19).decode(), base64.b64encode(b"9" * 5000).decode(),
               base64.b64encode(b"\xff").decode(), base64.b64encode("٣".encode()).decode()]  # fmt: skip


@pytest.mark.parametrize("token", _BAD_TOKENS)
async def test_a_bad_token_is_refused(store: Storage, token: str) -> None:
    snapshot = (await store.head("t1")).snapshot
    with pytest.raises(InvalidRequest) as tuples_error:
        await store.read_tuples("t1", snapshot, TupleFilter(), PageRequest(1, token))
    with pytest.raises(InvalidRequest) as attributes_error:
        await store.read_attributes("t1", snapshot, AttributeFilter(), PageRequest(1, token))
    assert tuples_error.value.code == attributes_error.value.code == ErrorCode.INVALID_CONTINUOUS_TOKEN
