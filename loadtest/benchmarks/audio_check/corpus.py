"""Lines that nobody wrote for a test, and those of the demo's script: jobs for the voices of the emulator."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from loadtest.demo.script import read_script

FORTUNES: Final = Path("/usr/share/games/fortunes")
"""Where Debian's packages fortunes and fortunes-zh are installed."""
_POEMS: Final = frozenset({"tang300", "song100"})
_SEED: Final = 7


def fortunes(language: str) -> list[str]:
    """The texts of fortunes-zh for cmn-TW, and those of fortunes for any other language; none if it isn't installed."""
    files = [each for each in sorted(FORTUNES.glob("*")) if not each.suffix and each.name != "chinese"]
    mine = [each for each in files if (each.name in _POEMS) == (language == "cmn-TW")]
    texts = [text for each in mine for text in re.split(r"^%$", each.read_text("utf-8"), flags=re.MULTILINE)]
    # The poems are coloured for a terminal; that is no part of a text.
    return [re.sub("\x1b\\[[0-9;]*m", "", text) for text in texts if text.strip()]


def jobs(english: int, chinese: int, characters: list[str]) -> Iterator[dict[str, Any]]:
    """The demo's lines, then so many fortunes; each document is a job's, the characters in turn."""
    for line in read_script():
        yield line.job
    for language, count in (("en-US", english), ("cmn-TW", chinese)):
        texts = fortunes(language)
        for number, text in enumerate(Random(_SEED).sample(texts, min(count, len(texts)))):
            character = characters[number % len(characters)]
            yield {"job_id": f"{language}-{number}", "character": character, "language": language, "text": text}
