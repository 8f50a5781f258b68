"""Documents come from paths, file addresses and the web."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.documents import Document, UnusableFile, read_beside, read_document


class Shelf(BaseHTTPRequestHandler):
    """Serves two texts."""

    def do_GET(self) -> None:
        texts = {"/a/file.yaml": b"schema: beside.perm", "/a/beside.perm": b"entity user {}"}
        self.send_response(200 if self.path in texts else 404)
        self.end_headers()
        self.wfile.write(texts.get(self.path, b""))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_path_and_a_file_address_name_the_same_document(tmp_path: Path) -> None:
    path = tmp_path / "a b.yaml"
    path.write_text("\ufeffx: ü", encoding="utf-8")

    assert read_document(str(path)) == Document(str(path), "x: ü")
    assert read_document(path.as_uri()) == Document(str(path), "x: ü")


def test_a_document_is_read_from_the_web_and_what_lies_beside_it(web: str) -> None:
    document = read_document(f"{web}/a/file.yaml")
    assert document.text == "schema: beside.perm"
    assert read_beside(document, "beside.perm").text == "entity user {}"


def test_what_cannot_be_read_is_said_with_the_reason(tmp_path: Path, web: str) -> None:
    (tmp_path / "latin").write_bytes(b"\xe4")
    for source, reason in [
        (f"{tmp_path}/missing", "No such file or directory"),
        (str(tmp_path), "Is a directory"),
        (f"{tmp_path}/latin", "not UTF-8 text"),
        (f"{web}/missing", "Not Found"),
        ("http://127.0.0.1:1/x", "Connection refused"),
    ]:
        with pytest.raises(UnusableFile, match=reason):
            read_document(source)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x"])
def test_a_neighbour_stays_in_the_folder(path: str) -> None:
    with pytest.raises(UnusableFile, match="must be a relative path"):
        read_beside(Document("dir/file.yaml", ""), path)
