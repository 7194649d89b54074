"""Parses a lexicon from CSV: a word in each row, with its pronunciation or respelling, language and character. Pure."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from schemas.enums import PhoneticAlphabet
from schemas.job import Pronunciation
from schemas.languages import find_language, written_as_usual
from schemas.phonetics import alphabets, check_alphabet, check_phonetic
from worker.batch.lexicon.model import Entry, Lexicon
from worker.batch.scripts.model import Finding, Place, Severity
from worker.speech.catalogue import Catalogue

COLUMNS: Final = ("word", "pronunciation", "alphabet", "say", "language", "character")
LISTED: Final = ("count", "example")
"""What `batch lexicon` writes beside them for those who fill the list in."""


def parse_lexicon(text: str, file: str, catalogue: Catalogue) -> tuple[Lexicon, list[Finding]]:
    """The entries that are filled in, and what is wrong with the others.

    Args:
        file: its name in findings.
        catalogue: knows the characters, and the tags of languages.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    entries: list[Entry] = []
    findings: list[Finding] = []
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        findings += _header_findings(header, Place(file, 1))
        for row in [] if findings else reader:
            fields = {name: (row.get(name) or "").strip() for name in COLUMNS}
            try:
                entries += _entry(fields, catalogue)
            except ValueError as error:
                findings.append(Finding(Severity.ERROR, Place(file, reader.line_num), str(error), rule="lexicon"))
    except csv.Error as error:
        findings.append(Finding(Severity.ERROR, Place(file, reader.line_num), f"is no CSV: {error}", rule="lexicon"))
    return Lexicon(entries), findings


def _header_findings(header: list[str], place: Place) -> Iterator[Finding]:
    unknown = [name for name in header if name and name not in (*COLUMNS, *LISTED)]
    if unknown:
        message = f"{unknown[0][:60]!a} is no column; the columns are {', '.join(COLUMNS)}"
        yield Finding(Severity.ERROR, place, message, rule="lexicon")
    if "word" not in header:
        yield Finding(Severity.ERROR, place, "the column word is missing", rule="lexicon")


def _entry(fields: Mapping[str, str], catalogue: Catalogue) -> Iterator[Entry]:
    """The entry of a row; none of a row that isn't filled in.

    Raises:
        ValueError: a field isn't allowed; the message names it.
    """
    word, phonetic, say, character = (fields[name] for name in ("word", "pronunciation", "say", "character"))
    if not (phonetic or say):
        return
    if not word:
        raise ValueError("word: is empty; a row has the word as the texts write it")
    if phonetic and say:
        raise ValueError(f"say: {say[:40]!a} beside a pronunciation; a row has one of them")
    if character and character not in catalogue.names:
        raise ValueError(
            f"character: {character!a} is unknown; the characters are {', '.join(sorted(catalogue.names))}"
        )
    language = _language(fields["language"], catalogue)
    pronunciation = _pronunciation(word, phonetic, fields["alphabet"], language) if phonetic else None
    yield Entry(word, pronunciation, say, language, character)


def _language(tag: str, catalogue: Catalogue) -> str:
    usual = written_as_usual(tag)
    if not tag or any(each.startswith(f"{usual}-") for each in catalogue.languages):
        return usual
    found = find_language(tag, catalogue.languages.keys())
    if found is None:
        raise ValueError(
            f"language: {tag[:40]!a} is none of the catalogue's; they are {', '.join(catalogue.languages)}"
        )
    return found


def _pronunciation(word: str, phonetic: str, alphabet: str, language: str) -> Pronunciation:
    if not language:
        raise ValueError("language: is empty; a pronunciation is one of a language, such as en-US")
    name = alphabet.lower() or alphabets(language)[0].value
    if name not in set(PhoneticAlphabet):
        raise ValueError(f"alphabet: {alphabet[:40]!a} is none; allowed are {', '.join(PhoneticAlphabet)}")
    try:
        check_alphabet(name, language)
    except ValueError as error:
        raise ValueError(f"alphabet: {error}") from None
    try:
        check_phonetic(phonetic, PhoneticAlphabet(name))
        return Pronunciation(phrase=word, phonetic=phonetic, alphabet=PhoneticAlphabet(name))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{'word' if first['loc'] == ('phrase',) else 'pronunciation'}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"pronunciation: {phonetic[:40]!a} {error}") from None
