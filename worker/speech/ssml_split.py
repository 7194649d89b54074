"""Splits SSML into well-formed documents: what is open at a cut is closed there, and opened again after it. Pure."""

import re
from copy import copy
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Final
from xml.etree.ElementTree import Element, tostring  # writes XML; reading is schemas.ssml's

from schemas.ssml import parse_ssml
from worker.speech.text_split import with_words

# Their content is spoken as one thing.
_WHOLE: Final = frozenset({"say-as", "sub", "phoneme"})
_BLOCKS: Final = frozenset({"p", "s"})


@dataclass(frozen=True)
class _Piece:
    """A text, or an element that is never cut, with the elements that are open around it, the root first."""

    start: int
    length: int
    open_elements: tuple[Element, ...]
    content: str | Element


class SpokenSsml:
    """A document as it is spoken.

    Attributes:
        spoken: its words as one text. A paragraph or a sentence that is marked ends with a newline; what is spoken as
            one thing, such as a phoneme, is one word.
    """

    def __init__(self, ssml: str) -> None:
        self._pieces: list[_Piece] = []
        self._length = 0
        self._spoken: list[str] = []
        self._read(parse_ssml(ssml), ())
        self.spoken = "".join(self._spoken)

    def parts(self, cuts: list[int]) -> list[str]:
        """Cuts the document; a cut inside of what is never cut moves to its beginning, and each part has a word.

        Args:
            cuts: positions in `spoken`, in order.

        Returns:
            The documents in order.
        """
        moved = with_words(self.spoken, {self._moved(cut) for cut in cuts})
        return [self._document(start, end) for start, end in pairwise([0, *moved, self._length + 1])]

    def _read(self, element: Element, around: tuple[Element, ...]) -> None:
        around = (*around, element)
        self._add_text(element.text, around)
        for child in element:
            if child.tag in _WHOLE or (not len(child) and not child.text):
                self._add_whole(child, around)
            else:
                self._end_sentence(child)
                self._read(child, around)
                self._end_sentence(child)
            self._add_text(child.tail, around)

    def _add_text(self, text: str | None, around: tuple[Element, ...]) -> None:
        if text:
            self._add(text, around, text)

    def _add_whole(self, element: Element, around: tuple[Element, ...]) -> None:
        spoken = element.get("alias", "") if element.tag == "sub" else "".join(element.itertext())
        alone = copy(element)
        alone.tail = None
        self._add(re.sub(r"\W", "x", spoken), around, alone)

    def _add(self, spoken: str, around: tuple[Element, ...], content: str | Element) -> None:
        self._pieces.append(_Piece(self._length, len(spoken), around, content))
        self._append(spoken)

    def _end_sentence(self, element: Element) -> None:
        if element.tag in _BLOCKS:
            self._append("\n")

    def _append(self, spoken: str) -> None:
        self._spoken.append(spoken)
        self._length += len(spoken)

    def _moved(self, cut: int) -> int:
        for each in self._pieces:
            if not isinstance(each.content, str) and each.start < cut < each.start + each.length:
                return each.start
        return cut

    def _document(self, start: int, end: int) -> str:
        """The document of the pieces from one position to before another."""
        writer = _Writer()
        for each in self._pieces:
            if isinstance(each.content, str):
                text = each.content[max(0, start - each.start) : max(0, end - each.start)]
                if text:
                    writer.add(text, each.open_elements)
            elif start <= each.start < end:
                writer.add(each.content, each.open_elements)
        return writer.document()


class _Writer:
    """Builds a document of pieces: opens each piece's elements that aren't open yet, as copies."""

    def __init__(self) -> None:
        self._originals: list[Element] = []
        self._copies: list[Element] = []

    def add(self, content: str | Element, around: tuple[Element, ...]) -> None:
        """Adds a piece after those that were added."""
        shared = _shared(self._originals, around)
        del self._originals[shared:], self._copies[shared:]
        for element in around[shared:]:
            made = Element(element.tag, element.attrib)
            if self._copies:
                self._copies[-1].append(made)
            self._originals.append(element)
            self._copies.append(made)
        if isinstance(content, str):
            _append_text(self._copies[-1], content)
        else:
            self._copies[-1].append(content)

    def document(self) -> str:
        """All that was added, as XML."""
        return tostring(self._copies[0], encoding="unicode")


def _shared(left: list[Element], right: tuple[Element, ...]) -> int:
    """How many elements two ways from the root have in common."""
    return len(list(takewhile(lambda pair: pair[0] is pair[1], zip(left, right, strict=False))))


def _append_text(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
