"""Reading what a command is pointed at: a path, a ``file://`` address or an ``http(s)://`` address."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from model.errors import InvalidRequest

_MOST_BYTES = 64 * 1024 * 1024
_FETCH_TIMEOUT_S = 20.0
_PIECE_BYTES = 64 * 1024


class UnusableFile(InvalidRequest):
    """A file that cannot be read or says what it must not; ``problems`` are one line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems


@dataclass(frozen=True, slots=True)
class Document:
    """A text with the path or web address it came from."""

    place: str
    text: str


def read_document(source: str) -> Document:
    """The document at a path or address; pages of gist.github.com are read in raw form.

    Raises UnusableFile if it cannot be read, is not UTF-8 or larger than 64 MiB, and for a web address also if it is
    not all there within 20 seconds or leads away from the web.
    """
    if is_web_address(source):
        return Document(source, _decode(_fetch(source), source))
    path = _path_of(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{source}: cannot read: {error.strerror}") from error
    return Document(str(path), _decode(content, source))


def read_beside(document: Document, relative: str) -> Document:
    """The document at a path relative to another's place. Raises UnusableFile, also for paths that leave its folder."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or "://" in relative:
        raise UnusableFile(f"{document.place}: {relative!r} must be a relative path without '..'")
    if is_web_address(document.place):
        return read_document(urljoin(_raw_address(document.place), relative))
    return read_document(str(Path(document.place).parent / relative))


def is_web_address(source: str) -> bool:
    """True for http:// and https:// addresses."""
    return source.lower().startswith(("http://", "https://"))


def _path_of(source: str) -> Path:
    """The path that is, or that a file address names."""
    if not source.lower().startswith("file://"):
        return Path(source)
    parts = urlsplit(source)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise UnusableFile(f"{source}: expected file:///path, with three slashes")
    return Path(unquote(parts.path))


def _raw_address(address: str) -> str:
    """Where the text is that an address shows: for a page of a gist its first file, else the address itself.

    The files of a gist lie below ``/owner/id/raw/``, those of an older revision below ``/owner/id/raw/revision/``.
    """
    parts = urlsplit(address)
    if parts.hostname != "gist.github.com":
        return address
    owner_and_id, rest = parts.path.strip("/").split("/")[:2], parts.path.strip("/").split("/")[2:]
    if rest[:1] == ["raw"]:
        return parts._replace(netloc="gist.githubusercontent.com", fragment="").geturl()
    return "/".join(["https://gist.githubusercontent.com", *owner_and_id, "raw", *rest, ""])


def _fetch(address: str) -> bytes:
    try:
        with _web().open(_raw_address(address), timeout=_FETCH_TIMEOUT_S) as answer:
            return _read_in_time(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise UnusableFile(f"{address}: cannot read: {_describe_status(error)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnusableFile(f"{address}: cannot read: {_describe(error)}") from error


def _web() -> urllib.request.OpenerDirector:
    """What opens addresses of the web, and nothing that a redirection might lead to beyond it, such as ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _read_in_time(answer: http.client.HTTPResponse) -> bytes:
    """The body up to a byte above the most; a timeout of the socket alone would let a trickle go on for ever."""
    end = time.monotonic() + _FETCH_TIMEOUT_S
    content = bytearray()
    while piece := answer.read1(_PIECE_BYTES):
        content += piece
        if len(content) > _MOST_BYTES:
            return bytes(content)
        if time.monotonic() > end:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return bytes(content)


def _describe_status(error: urllib.error.HTTPError) -> str:
    if 300 <= error.code < 400:
        return f"{error.code}, redirected in a circle or away from the web"
    return f"{error.code} {error.reason}"


def _describe(error: OSError | http.client.HTTPException | ValueError) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    match reason:
        case TimeoutError():
            return f"no whole answer within {_FETCH_TIMEOUT_S:g} s"
        case http.client.IncompleteRead() | http.client.RemoteDisconnected() | ConnectionResetError():
            return "the connection ended before the whole text was there"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(reason)


def _decode(content: bytes, source: str) -> str:
    if len(content) > _MOST_BYTES:
        raise UnusableFile(f"{source}: larger than {_MOST_BYTES // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{source}: not UTF-8 text") from error
