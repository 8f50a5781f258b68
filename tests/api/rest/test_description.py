"""The API describes itself, to programs and to people, with nothing from elsewhere."""

from __future__ import annotations

import re

import pytest

from tests.api.rest.serving import served


async def test_the_document_is_served() -> None:
    async with served() as rest:
        answer = await rest.call("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.body["openapi"] == "3.1.0"
    assert "/v1/tenants/{tenant_id}/permissions/check" in answer.body["paths"]


async def test_the_root_leads_to_the_page() -> None:
    async with served() as rest:
        answer = await rest.call("GET", "/")
    assert (answer.status, answer.headers["Location"]) == (307, "docs")


async def test_the_page_loads_nothing_but_files_of_the_same_server() -> None:
    async with served() as rest:
        page = await rest.call("GET", "/docs")
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.body)
        files = [await rest.call("GET", f"/{name}") for name in sources if name != "data:,"]
    assert page.headers["Content-Type"].startswith("text/html")
    assert len(files) == 3
    for found in (page, *files):
        assert found.status == 200
        assert found.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert found.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs/", "/docs/nothing.js", "/docs/%2e%2e/app.py", "/docs/../../app.py"])
async def test_there_is_nothing_else_below_the_page(path: str) -> None:
    async with served() as rest:
        assert (await rest.call("GET", path)).status == 404
