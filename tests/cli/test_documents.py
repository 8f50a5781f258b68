"""Documents come from paths, file addresses and the web."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli import documents
from cli.documents import Document, UnusableFile, read_beside, read_document


class Shelf(BaseHTTPRequestHandler):
    """Serves two texts, and answers of the kinds that go wrong."""

    def do_GET(self) -> None:
        texts = {"/a/file.yaml": b"schema: beside.perm", "/a/beside.perm": b"entity user {}", "/latin": b"\xe4"}
        redirections = {
            "/moved": "/a/file.yaml",
            "/circle": "/circle",
            "/home": "file:///etc/hostname",
            "/ftp": "ftp://x/",
        }
        if self.path in redirections:
            self.send_response(302)
            self.send_header("Location", redirections[self.path])
            self.end_headers()
        elif self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path in ("/silent", "/trickle"):
            self._never_finish(is_silent=self.path == "/silent")
        else:
            self.send_response(200 if self.path in texts else 404)
            self.end_headers()
            self.wfile.write(texts.get(self.path, b""))

    def _never_finish(self, *, is_silent: bool) -> None:
        """Until the client has had enough, or much later than it should have."""
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for _ in range(1000):
                time.sleep(0.01)
                if not is_silent:
                    self.wfile.write(b"x")
                elif select.select([self.connection], [], [], 0)[0]:
                    return

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
        (f"{web}/latin", "not UTF-8 text"),
        (f"{web}/missing", "404 Not Found"),
        (f"{web}/broken", "ended before the whole text was there"),
        (f"{web}/circle", "302, redirected in a circle"),
        (f"{web}/home", "away from the web"),
        (f"{web}/ftp", "unknown url type: ftp"),
        ("http://[x", "Invalid IPv6 URL"),
        ("file://x.yaml", "with three slashes"),
        ("http://127.0.0.1:1/x", "Connection refused"),
    ]:
        with pytest.raises(UnusableFile, match=reason):
            read_document(source)


def test_a_redirection_is_followed(web: str) -> None:
    assert read_document(f"{web}/moved").text == "schema: beside.perm"


@pytest.mark.parametrize("page", ["silent", "trickle"])
def test_an_answer_that_does_not_end_is_given_up(page: str, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_FETCH_TIMEOUT_S", 0.1)
    with pytest.raises(UnusableFile, match=r"no whole answer within 0\.1 s"):
        read_document(f"{web}/{page}")


def test_a_text_has_a_largest_size_wherever_it_is(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_MOST_BYTES", 16)
    (tmp_path / "big").write_bytes(b"x" * 17)
    (tmp_path / "just").write_bytes(b"x" * 16)

    assert read_document(str(tmp_path / "just")).text == "x" * 16
    for source in (f"{tmp_path}/big", f"{web}/a/file.yaml", f"{web}/trickle"):
        with pytest.raises(UnusableFile, match="larger than"):
            read_document(source)


@pytest.mark.parametrize(
    ("page", "raw"),
    [
        ("https://gist.github.com/ann/12ab", "https://gist.githubusercontent.com/ann/12ab/raw/"),
        ("https://gist.github.com/ann/12ab/#file-x", "https://gist.githubusercontent.com/ann/12ab/raw/"),
        ("https://gist.github.com/ann/12ab/fe98", "https://gist.githubusercontent.com/ann/12ab/raw/fe98/"),
        ("https://gist.github.com/ann/12ab/raw/x.yaml", "https://gist.githubusercontent.com/ann/12ab/raw/x.yaml"),
        ("https://example.org/ann/12ab", "https://example.org/ann/12ab"),
    ],
)
def test_the_page_of_a_gist_stands_for_the_text_on_it(page: str, raw: str) -> None:
    assert documents._raw_address(page) == raw


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "file:///etc/passwd"])
@pytest.mark.parametrize("place", ["dir/file.yaml", "http://127.0.0.1:1/dir/file.yaml"])
def test_a_neighbour_stays_in_the_folder(path: str, place: str) -> None:
    with pytest.raises(UnusableFile, match="must be a relative path"):
        read_beside(Document(place, ""), path)
