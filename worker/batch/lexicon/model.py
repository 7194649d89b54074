"""A studio's lexicon: how words are spoken, by language and character, and what that makes of a job. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.job import Job, Pronunciation
from worker.speech.render import whole_words

MOST_PRONUNCIATIONS: Final = 100
"""Pronunciations that a job may have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a word is spoken.

    Attributes:
        word: as it is written in the texts, capitals included; it may be several words.
        pronunciation: in a phonetic alphabet; None for a respelling.
        say: what is spoken in the word's place; empty for a pronunciation.
        language: a tag, or its beginning such as `en`; empty for all.
        character: who speaks so; empty for everybody.
    """

    word: str
    pronunciation: Pronunciation | None = None
    say: str = ""
    language: str = ""
    character: str = ""

    def applies(self, language: str, character: str) -> bool:
        """Whether a character says the word so in a language."""
        in_language = not self.language or language == self.language or language.startswith(f"{self.language}-")
        return in_language and self.character in {"", character}


class Lexicon:
    """All entries."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        # Whoever is named speaks otherwise than everybody, and a language otherwise than all.
        self._entries = sorted(entries, key=lambda each: (not each.character, not each.language, -len(each.language)))
        self.words = frozenset(each.word for each in entries)

    def apply(self, job: Job) -> Job:
        """The job with the respellings in its text, and the pronunciations of its words; its own come first."""
        if job.text is None or not self._entries:
            return job
        entries = list(self._for(job))
        respelled = {each.word: each.say for each in entries if each.say}
        text = _respell(job.text, respelled) if respelled else job.text
        known = {each.phrase for each in job.pronunciations}
        added = [each.pronunciation for each in entries if each.pronunciation and each.word not in known]
        if text == job.text and not added:
            return job
        pronunciations = (*job.pronunciations, *added)[:MOST_PRONUNCIATIONS]
        return job.model_copy(update={"text": text, "pronunciations": pronunciations})

    def _for(self, job: Job) -> Iterator[Entry]:
        """The entry of each word of the job's text: the first that applies."""
        text, found = job.text or "", set()
        for entry in self._entries:
            if entry.word not in text or entry.word in found or not entry.applies(job.language, job.character):
                continue
            if re.search(whole_words(entry.word), text):
                found.add(entry.word)
                yield entry


def _respell(text: str, respelled: dict[str, str]) -> str:
    """The text with respelled words, the longest first: "Vault City" before "Vault"."""
    words = sorted(respelled, key=len, reverse=True)
    return re.sub("|".join(map(whole_words, words)), lambda found: respelled[found[0]], text)
