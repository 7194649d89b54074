"""Finds elements in the bytes of XML, so that it can be edited and all else of it stays as it is. Pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from worker.batch.delivery.annotated.model import NoPlaceError

_DECLARED: Final = re.compile(rb"""<\?xml[^>]*?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_START_TAG: Final = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass
class Element:
    """An element with the bytes where it starts, its content begins and ends, and it ends.

    Attributes:
        name: with the prefix, as written.
        children: those that were looked for.
    """

    name: str
    attributes: dict[str, str]
    start: int
    inner: int
    close: int = 0
    end: int = 0
    children: list["Element"] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether it has no content."""
        return self.inner == self.close

    @property
    def prefix(self) -> str:
        """The prefix of its name, with the colon."""
        before, colon, _ = self.name.rpartition(":")
        return before + colon


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def find_elements(content: bytes, wanted: Callable[[str], bool]) -> list[Element]:
    """The outermost elements of the wanted names, with those inside of them.

    Args:
        content: in UTF-8, whatever the declaration says.
        wanted: of a name as written.

    Raises:
        NoPlaceError: it is no XML, or declares entities.
    """
    parser = expat.ParserCreate("utf-8")
    found: list[Element] = []
    inside: list[Element | None] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not wanted(name):
            inside.append(None)
            return
        at = parser.CurrentByteIndex
        tag = _START_TAG.match(content, at)
        inner = tag.end() if tag else at
        element = Element(name, attributes, at, inner)
        outer = next((each for each in reversed(inside) if each is not None), None)
        (found if outer is None else outer.children).append(element)
        inside.append(element)

    def end(_name: str) -> None:
        element = inside.pop()
        if element is None:
            return
        if content.endswith(b"/>", element.start, element.inner):
            element.close = element.end = element.inner
        else:
            element.close = parser.CurrentByteIndex
            element.end = content.index(b">", element.close) + 1

    def entity(*_: object) -> None:
        raise NoPlaceError("declares entities")

    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = start, end, entity
    try:
        parser.Parse(content, True)  # noqa: FBT003  # expat's own: the whole document
    except expat.ExpatError as error:
        raise NoPlaceError(f"is no well-formed XML: {error}") from None
    return found


def replaced(content: bytes, edits: Iterable[tuple[int, int, str]]) -> bytes:
    """The content with pieces replaced: from byte, to byte, and what stands there then."""
    at, pieces = 0, []
    for start, end, text in sorted(edits):
        pieces += [content[at:start], text.encode()]
        at = end
    return b"".join([*pieces, content[at:]])


def as_utf8(content: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """XML of any encoding in UTF-8, and what turns such UTF-8 into the encoding again.

    Raises:
        NoPlaceError: the encoding is unknown.
    """
    declared = _DECLARED.match(content)
    said = (b"", declared[1].decode() if declared else "utf-8")
    bom, encoding = next((each for each in _BOMS if content.startswith(each[0])), said)
    try:
        text = content[len(bom) :].decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise NoPlaceError(f"can't be decoded: {error}") from None
    return text.encode(), lambda edited: bom + edited.decode().encode(encoding, "xmlcharrefreplace")
