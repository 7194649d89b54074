"""Which SSML a job may carry: well-formed, closed to the outside, and in one voice."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError  # types; defusedxml does the parsing

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from schemas.text_markup import PAUSE_MARK

MAX_SSML_BYTES: Final = 5000
"""Google's limit of input a request; SSML is never split."""

# Google's elements without those that fetch from elsewhere (audio, media, par, seq) or change the voice
# under the decision (voice, lang).
ELEMENTS: Final = frozenset({"speak", "p", "s", "break", "say-as", "sub", "phoneme", "prosody", "emphasis", "mark"})


def parse_ssml(ssml: str) -> Element:
    """Parses SSML without entities, document types or anything from outside.

    Raises:
        ValueError: it isn't well-formed or tries one of those.
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
        ValueError: it is too long, not well-formed, not a `<speak>`, uses another element, or says nothing.
    """
    size = len(ssml.encode("utf-8"))
    if size > MAX_SSML_BYTES:
        raise ValueError(f"is {size} bytes long; Google takes {MAX_SSML_BYTES}, and SSML can't be split")
    root = parse_ssml(ssml)
    if root.tag != "speak":
        raise ValueError(f"its root is <{root.tag}>, not <speak>")
    for element in root.iter():
        if element.tag not in ELEMENTS:
            raise ValueError(f"<{element.tag}> is not allowed; the elements are {', '.join(sorted(ELEMENTS))}")
    words = "".join(root.itertext())
    if PAUSE_MARK.search(words):
        raise ValueError('holds a pause mark of text; SSML says <break time="600ms"/>')
    if not any(character.isalnum() for character in words):
        raise ValueError("holds no word to speak")
