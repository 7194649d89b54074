"""The SSML that a job may have: well-formed, without external content, and in one voice. Pure."""

from typing import Final
from xml.etree.ElementTree import Element, ParseError, tostring  # writes XML; defusedxml does the parsing

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from schemas.text_markup import PAUSE_MARK, has_word

MAX_SSML_BYTES: Final = 5000
"""Google's limit per request: a job's SSML is one, unless Google refuses a sentence of it as too long."""
NAMESPACE: Final = "http://www.w3.org/2001/10/synthesis"
"""SSML's own (SSML 1.1, section 3.1.1); other tools' documents have it, Google's examples haven't."""
MAX_SSML_DEPTH: Final = 32
"""How deeply elements may be nested. Whatever walks the elements does so by recursion."""

# Google's elements, except those that fetch external content (audio, media, par, seq), override the voice that was
# decided on (voice, lang) or request the time at which they are reached (mark).
ELEMENTS: Final = frozenset({"speak", "p", "s", "break", "say-as", "sub", "phoneme", "prosody", "emphasis"})

# What a JSON Schema can say of it. Whether it is well-formed is beyond a regular expression.
BEGINNING_PATTERN: Final = r"^[ \t\r\n]*(?:<\?|<!--|<speak[ \t\r\n>])"
OTHER_ELEMENT_PATTERN: Final = rf"<(?!/?(?:{'|'.join(sorted(ELEMENTS))})[ \t\r\n/>])[^!?]"


def parse_ssml(ssml: str) -> Element:
    """Parses SSML, whose elements may have SSML's own namespace; entities and document types are refused.

    Raises:
        ValueError: it isn't well-formed, or has one of those.
    """
    try:
        root: Element = fromstring(ssml, forbid_dtd=True)
    except ParseError as error:
        raise ValueError(f"is not well-formed XML: {error}") from None
    except DefusedXmlException as error:
        raise ValueError(f"may not declare types or entities: {type(error).__name__}") from None
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
    return root


def without_namespace(ssml: str) -> str:
    """Well-formed SSML without SSML's own namespace; a document that doesn't name it is returned as it is."""
    if NAMESPACE not in ssml:
        return ssml
    root = parse_ssml(ssml)
    for element in root.iter():
        # Those of other namespaces, such as xsi:schemaLocation, say nothing about the sound.
        element.attrib = {name: value for name, value in element.attrib.items() if not name.startswith("{")}
    return tostring(root, encoding="unicode")


def check_ssml(ssml: str) -> None:
    """Checks a job's SSML.

    Raises:
        ValueError: it is too long or not well-formed, its root isn't `<speak>`, it has another element than
            `ELEMENTS`, it is nested too deeply, or it has no word.
    """
    size = len(ssml.encode("utf-8"))
    if size > MAX_SSML_BYTES:
        raise ValueError(f"is {size} bytes long; Google accepts {MAX_SSML_BYTES}, and longer SSML must be several jobs")
    root = parse_ssml(ssml)
    if root.tag != "speak":
        raise ValueError(f"its root is <{root.tag}>, not <speak>")
    for element in root.iter():
        if element.tag == "mark":
            raise ValueError(
                "<mark> is not allowed: a completion has no times of marks, so they would be lost; remove it"
            )
        if element.tag not in ELEMENTS:
            raise ValueError(f"<{element.tag}> is not allowed; the elements are {', '.join(sorted(ELEMENTS))}")
    if _is_deeper(root, MAX_SSML_DEPTH):
        raise ValueError(f"is nested deeper than {MAX_SSML_DEPTH} elements; nest less")
    words = "".join(root.itertext())
    if PAUSE_MARK.search(words):
        raise ValueError('has a pause mark, which is for text; in SSML write <break time="600ms"/>')
    if not has_word(words):
        raise ValueError("has no word to speak")


def _is_deeper(root: Element, depth: int) -> bool:
    level = [root]
    for _ in range(depth):
        level = [child for element in level for child in element]
    return bool(level)
