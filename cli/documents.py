"""Reading what a command is pointed at: a path, a ``file://`` address or an ``http(s)://`` address."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

from model.errors import InvalidRequest

_MOST_BYTES = 64 * 1024 * 1024
_FETCH_TIMEOUT_S = 20.0


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

    Raises UnusableFile if it cannot be read, is not UTF-8 or larger than 64 MiB.
    """
    if is_web_address(source):
        return Document(source, _decode(_fetch(_raw_address(source)), source))
    path = Path(unquote(urlsplit(source).path)) if source.startswith("file://") else Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{source}: cannot read: {error.strerror}") from error
    return Document(str(path), _decode(content, source))


def read_beside(document: Document, relative: str) -> Document:
    """The document at a path relative to another's place. Raises UnusableFile, also for paths that leave its folder."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise UnusableFile(f"{document.place}: {relative!r} must be a relative path without '..'")
    if is_web_address(document.place):
        return read_document(urljoin(_raw_address(document.place), relative))
    return read_document(str(Path(document.place).parent / relative))


def is_web_address(source: str) -> bool:
    """True for http:// and https:// addresses."""
    return source.startswith(("http://", "https://"))


def _raw_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.hostname != "gist.github.com":
        return address
    return f"https://gist.githubusercontent.com{parts.path.removesuffix('/')}/raw"


def _fetch(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=_FETCH_TIMEOUT_S) as answer:  # noqa: S310  (http and https only)
            content: bytes = answer.read(_MOST_BYTES + 1)
            return content
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UnusableFile(f"{address}: cannot read: {reason}") from error


def _decode(content: bytes, source: str) -> str:
    if len(content) > _MOST_BYTES:
        raise UnusableFile(f"{source}: larger than {_MOST_BYTES // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile(f"{source}: not UTF-8 text") from error
