"""An HTML page taken apart, as strictly as browsers are lenient."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = {"meta", "link", "br", "img", "input", "hr"}  # elements that have no end tag


@dataclass
class Element:
    """One element. text: all within it, also of those below."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    within: tuple[str, ...] = ()


@dataclass
class Page:
    """All elements, in the order they begin."""

    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Those of a tag with these attributes; ``class_`` stands for class."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [each for each in self.elements if each.tag == tag and wanted.items() <= each.attributes.items()]

    def one(self, tag: str, **attributes: str) -> Element:
        """The only one there is."""
        (element,) = self.all(tag, **attributes)
        return element


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), f"an attribute of {tag} stands twice"
        within = tuple(each.tag for each in self.open)
        element = Element(tag, {name: value or "" for name, value in attributes.items()}, within=within)
        self.page.elements.append(element)
        if tag not in _EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} ends and was never begun"
        assert self.open.pop().tag == tag, f"{tag} ends out of turn"

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def taken_apart(html: str) -> Page:
    """The page. Raises AssertionError if an element is not ended, or out of turn."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert not parser.open, f"never ended: {[each.tag for each in parser.open]}"
    return parser.page
