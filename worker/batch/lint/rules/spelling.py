"""Numbers in words, by Unicode's rules of each language (CLDR, RBNF). Pure."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final

from unicode_rbnf import FormatPurpose, RbnfEngine
from unicode_rbnf.engine import RbnfError

from worker.batch.lint.model import Spoken

_LARGEST: Final = Decimal(10) ** 15
_MOST_DECIMALS: Final = 6
# CLDR's code of Norwegian, and the traditional characters of Mandarin.
_OTHER_CODES: Final = {"nb": "no", "nn": "no"}
_REMEMBERED: Final = 10_000


class _Engine(RbnfEngine):
    """An engine that remembers the parts of numbers: the 345 of 12,345 is read as the one of 2,345."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self._parts = lru_cache(_REMEMBERED)(self._format)

    def iter_format_number(self, number: Any, ruleset_name: str, *_: Any, **__: Any) -> Iterable[str]:
        # Decimals may be equal and yet read otherwise: 1.5 and 1.50.
        return self._parts(number, ruleset_name) if isinstance(number, int) else self._format(number, ruleset_name)

    def _format(self, number: Any, ruleset_name: str) -> tuple[str, ...]:
        return tuple(super().iter_format_number(number, ruleset_name))


@cache
def _engine(language: str) -> RbnfEngine | None:
    try:
        found = RbnfEngine.for_language(language)
    except ValueError:
        return None
    engine = _Engine(language)
    engine.rulesets = found.rulesets
    return engine


def _spell(number: Decimal, language: str, purpose: FormatPurpose) -> str:
    # As a text, since 1.5 and 1.50 are equal and read differently.
    return _spell_text(str(number), language, purpose)


@lru_cache(_REMEMBERED)
def _spell_text(text: str, language: str, purpose: FormatPurpose) -> str:
    engine, number = _engine(language), Decimal(text)
    exponent = number.as_tuple().exponent
    if engine is None or abs(number) >= _LARGEST or not isinstance(exponent, int) or -exponent > _MOST_DECIMALS:
        return ""
    try:
        found = engine.format_number(int(number) if number == int(number) else number, purpose)
    except (RbnfError, ValueError):
        # A language without rules for this purpose.
        return ""
    # CLDR puts soft hyphens between the words of some languages.
    return found.text.replace("\u00ad", "")


def _language(spoken: Spoken) -> str:
    if spoken.primary == "zh" and spoken.is_traditional:
        return "zh_Hant"
    return _OTHER_CODES.get(spoken.primary, spoken.primary)


def in_words(number: Decimal | int, spoken: Spoken) -> str:
    """A number as it is read; empty where nothing is known of the language, or of numbers so large."""
    return _spell(Decimal(number), _language(spoken), FormatPurpose.CARDINAL)


def ordinal_in_words(number: int, spoken: Spoken) -> str:
    """The same for an ordinal: `third`, 第三."""
    return _spell(Decimal(number), _language(spoken), FormatPurpose.ORDINAL)


def year_in_words(year: int, spoken: Spoken) -> str:
    """A year: `twenty seventy-seven`, 二零七七."""
    if spoken.is_chinese:
        return in_digits(str(year), spoken)
    return _spell(Decimal(year), _language(spoken), FormatPurpose.YEAR) or in_words(year, spoken)


def in_digits(digits: str, spoken: Spoken) -> str:
    """Digits read one by one; empty where nothing is known of the language."""
    words = [in_words(int(each), spoken) for each in digits]
    return ("" if spoken.is_chinese else " ").join(words) if all(words) else ""
