"""Finds what would fail, or sound otherwise than meant, before anything is sent. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas.parsing import InvalidJobError
from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSE_MARK
from schemas.words import VoiceModel
from worker.batch.file_names import path_of
from worker.batch.scripts.model import Finding, Line, Severity
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.render import CHIRP_ELEMENTS, MAX_INPUT_BYTES
from worker.speech.text_split import MAX_SENTENCE_CHARACTERS, longest_sentence

LONGEST_ID: Final = 110
"""A job's id may have 128 characters; behind the line's own a batch puts a mark of its content, and a number."""
# Of longer texts half is letters at least; of drawings made of signs less, and what a voice makes of them nobody knows.
_DRAWING: Final = 60
_SAID_IN_A_TEXT: Final = 2


def lint(lines: Sequence[Line], catalogue: Catalogue, voice_model: VoiceModel | None = None) -> list[Finding]:
    """All that is found, in the script's order. What keeps a line from being a job was found when it was read.

    Args:
        lines: of the whole script.
        catalogue: the characters and what each language has.
        voice_model: of lines that name no voice of their own; None where the rollout decides.
    """
    findings = [*_twice(lines)]
    for line in lines:
        findings += _line_findings(line, catalogue, voice_model)
    return sorted(findings, key=lambda each: (each.place.file, each.place.line))


def _twice(lines: Sequence[Line]) -> Iterator[Finding]:
    """Lines with one id, and lines whose audio would be one file."""
    by_id: dict[str, Line] = {}
    by_path: dict[str, Line] = {}
    for line in lines:
        # Some file systems take "A" and "a" for one name.
        path = path_of(line.job.character, line.id, line.job.audio.encoding).casefold()
        first = by_id.setdefault(line.id, line)
        if first is not line:
            yield _wrong(line, "job_id", f"{line.id!a} is the id of the line at {first.place} too")
            continue
        first = by_path.setdefault(path, line)
        if first is not line:
            message = f"{line.id!a} and {first.id!a} at {first.place} would be one file, {path}"
            yield _wrong(line, "job_id", message)


def _line_findings(line: Line, catalogue: Catalogue, voice_model: VoiceModel | None) -> Iterator[Finding]:
    if len(line.id) > LONGEST_ID:
        yield _wrong(line, "job_id", f"{line.id!a} has {len(line.id)} characters; at most {LONGEST_ID} are allowed")
    try:
        forced = catalogue.admit(line.job)
    except InvalidJobError as error:
        yield _wrong(line, error.field, error.message)
        return
    asked = forced.voice_model if isinstance(forced, Voice) else forced or voice_model
    if forced is None and asked and catalogue.voice(line.job.character, line.job.language, asked) is None:
        yield _wrong(line, "language", f"{asked} is asked for all lines, and does not speak {line.job.language}")
    language = catalogue.languages[line.job.language]
    locale = language.chirp_locale or line.job.language
    if asked is VoiceModel.CHIRP3_HD or (asked is None and language.chirp_locale is not None):
        yield from _dropped_by_chirp(line)
        pauses = line.job.text is not None and PAUSE_MARK.search(line.job.text)
        if pauses and not language.chirp_pauses:
            yield _unwise(line, "text", f"Chirp knows no pause marks in {locale}")
        if line.job.pronunciations and not language.chirp_pronunciations:
            yield _unwise(line, "pronunciations", f"Chirp knows no pronunciations in {locale}")
    yield from _hard_to_say(line)


def _dropped_by_chirp(line: Line) -> Iterator[Finding]:
    if line.job.pitch is not None:
        yield _unwise(line, "pitch", f"Chirp has no pitch: {line.job.pitch:g} is heard only where WaveNet speaks")
    if line.job.ssml is None:
        return
    unknown = sorted({element.tag for element in parse_ssml(line.job.ssml).iter()} - CHIRP_ELEMENTS)
    if unknown:
        tags = ", ".join(f"<{tag}>" for tag in unknown)
        yield _unwise(line, "ssml", f"Chirp drops {tags}: it is heard only where WaveNet speaks")


def _hard_to_say(line: Line) -> Iterator[Finding]:
    if line.job.ssml is not None:
        words = "".join(parse_ssml(line.job.ssml).itertext())
        length = longest_sentence(words)
        if length > MAX_SENTENCE_CHARACTERS:
            yield _unwise(line, "ssml", f"has a sentence of {length} characters, which Google may refuse")
        return
    text = line.job.text or ""
    signs, said = len("".join(text.split())), sum(character.isalnum() for character in text)
    if signs > _DRAWING and said < signs / _SAID_IN_A_TEXT:
        yield _unwise(line, "text", f"has {said} letters and digits among {signs} signs: is it a drawing, or a table?")
    length = longest_sentence(text)
    if length > MAX_SENTENCE_CHARACTERS:
        message = f"has a sentence of {length} characters; over {MAX_SENTENCE_CHARACTERS} it is spoken in parts"
        yield _unwise(line, "text", message)
    elif (size := len(text.encode())) > MAX_INPUT_BYTES:
        yield _unwise(line, "text", f"is {size:,} bytes long; over {MAX_INPUT_BYTES:,} it is spoken in parts")


def _wrong(line: Line, field: str, message: str) -> Finding:
    return Finding(Severity.ERROR, line.at(field), message, line.id)


def _unwise(line: Line, field: str, message: str) -> Finding:
    return Finding(Severity.WARNING, line.at(field), message, line.id)
