"""Which text PostgreSQL can be asked for."""

from __future__ import annotations


def is_searchable(*texts: str) -> bool:
    """True if the database could hold each of the texts: none has NUL or half a surrogate pair.

    A statement with any other fails as a whole; nothing stored equals such text.
    """
    joined = "".join(texts)
    if "\0" in joined:
        return False
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True
