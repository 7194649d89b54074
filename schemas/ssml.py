"""The SSML that a job may have: well-formed, without external content, and in one voice. Pure."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError  # types; defusedxml does the parsing

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from schemas.text_markup import PAUSE_MARK

MAX_SSML_BYTES: Final = 5000
"""Google's limit per request; SSML is never split."""

# Google's elements, except those that fetch external content (audio, media, par, seq) or override the voice that was
# decided on (voice, lang).
ELEMENTS: Final = frozenset({"speak", "p", "s", "break", "say-as", "sub", "phoneme", "prosody", "emphasis", "mark"})


def parse_ssml(ssml: str) -> Element:
    """Parses SSML; entities, document types and external content are refused.

    Raises:
        ValueError: it isn't well-formed, or has one of those.
    """
    try:
        root: Element = fromstring(ssml, forbid_dtd=True)
    except ParseError as error:
        raise ValueError(f"is not well-formed XML: {error}") from None
    except DefusedXmlException as error:
        raise ValueError(f"may not declare types or entities: {type(error).__name__}") from None
    return root


def check_ssml(ssml: str) -> None:
    """Checks a job's SSML.

    Raises:
        ValueError: it is too long or not well-formed, its root isn't `<speak>`, it has another element than
            `ELEMENTS`, or it has no word.
    """
    size = len(ssml.encode("utf-8"))
    if size > MAX_SSML_BYTES:
        raise ValueError(f"is {size} bytes long; Google accepts {MAX_SSML_BYTES}, and SSML can't be split")
    root = parse_ssml(ssml)
    if root.tag != "speak":
        raise ValueError(f"its root is <{root.tag}>, not <speak>")
    for element in root.iter():
        if element.tag not in ELEMENTS:
            raise ValueError(f"<{element.tag}> is not allowed; the elements are {', '.join(sorted(ELEMENTS))}")
    words = "".join(root.itertext())
    if PAUSE_MARK.search(words):
        raise ValueError('has a pause mark, which is for text; in SSML write <break time="600ms"/>')
    if not any(character.isalnum() for character in words):
        raise ValueError("has no word to speak")
