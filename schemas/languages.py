"""Language tags as different tools write them (BCP 47, Android, POSIX), and the usual form of each. Pure."""

import re
from collections.abc import Collection, Iterator
from typing import Final

# What says nothing about the voice: variants, extensions and private use of BCP 47, charset and modifier of POSIX.
_REST: Final = (
    r"(?:[-_](?:[0-9][A-Za-z0-9]{3}|[A-Za-z0-9]{5,8}))*(?:[-_][A-Za-z0-9](?:[-_][A-Za-z0-9]{2,8})+)*"
    r"(?:\.[A-Za-z0-9-]{1,16})?(?:@[A-Za-z0-9]{1,16})?"
)
# Of the extended languages (RFC 5646, section 2.2.2) Google speaks those of Chinese.
_PARTS: Final = r"(?:[Zz][Hh][-_]([A-Za-z]{3})|([A-Za-z]{2,3}))(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?"
TAG_PATTERN: Final = f"^{_PARTS}{_REST}$"
"""Language, perhaps a script, perhaps a region: `en`, `en-US`, `en_us`, `zh-Hant-TW`, `en_US.UTF-8`, `zh-yue-HK`."""

_TAG: Final = re.compile(_PARTS + _REST)
# Windows' older names of the Chinese scripts stand where BCP 47 has an extended language.
_OLD_SCRIPTS: Final = {"cht": "Hant", "chs": "Hans"}
# Codes that ISO 639 or CLDR has replaced, and the ones of Google's voices.
_OTHER_CODES: Final = {"iw": "he", "in": "id", "no": "nb", "tl": "fil"}
# Google has the codes of the single languages (ISO 639-3), most tools that of Chinese as a whole.
_CHINESE: Final = "zh"
_MANDARIN: Final = "cmn"
_CANTONESE: Final = "yue"
# Where the region isn't given: the likely one (CLDR, likelySubtags), for languages that Google speaks in several.
_LIKELY_REGIONS: Final = {
    "zh-Hant": "TW", "zh-Hans": "CN", "cmn-Hant": "TW", "cmn-Hans": "CN", "zh": "CN", "cmn": "CN",
    "en": "US", "es": "ES", "fr": "FR", "nl": "NL", "pt": "BR",
}  # fmt: skip


def written_as_usual(tag: str) -> str:
    """A tag with hyphens and the usual capitals: `en_us` → `en-US`. What is no tag is returned as it is.

    What says nothing about the voice is left out: `en_US.UTF-8` → `en-US`, `de-DE-1996` → `de-DE`.
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        return tag
    extended, language, script, region = found.groups()
    # RFC 5646, section 4.5: `zh-yue` is written `yue`.
    language = language or extended
    if language.lower() in _OLD_SCRIPTS:
        language, script = _CHINESE, script or _OLD_SCRIPTS[language.lower()]
    parts = (language.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)


def find_language(tag: str, known: Collection[str]) -> str | None:
    """The one of the known tags that a tag names; None if it names none of them, or several.

    `zh-TW` and `zh-Hant-TW` name `cmn-TW`; `en` names `en-US`, or the only English that there is. A region that is
    given is never replaced by another one.
    """
    if tag in known:
        return tag
    found = _TAG.fullmatch(written_as_usual(tag))
    if found is None:
        return None
    _, language, script, region = found.groups()
    regions = [region] if region else _likely_regions(language, script)
    for candidate in _candidates(language, regions):
        if candidate in known:
            return candidate
    if region or script:
        return None
    spoken = _MANDARIN if language == _CHINESE else _OTHER_CODES.get(language, language)
    of_language = [each for each in known if each.split("-")[0] == spoken]
    return of_language[0] if len(of_language) == 1 else None


def _likely_regions(language: str, script: str | None) -> list[str]:
    likely = _LIKELY_REGIONS.get(f"{language}-{script}" if script else language)
    return [likely] if likely else []


def _candidates(language: str, regions: list[str]) -> Iterator[str]:
    for region in regions:
        yield f"{language}-{region}"
        if language in _OTHER_CODES:
            yield f"{_OTHER_CODES[language]}-{region}"
        if language == _CHINESE:
            # Chinese of Hong Kong and Macao is spoken as Cantonese.
            yield f"{_CANTONESE if region in {'HK', 'MO'} else _MANDARIN}-{region}"
