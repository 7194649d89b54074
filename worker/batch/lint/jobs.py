"""Findings about jobs: what the catalogue refuses, what a voice model drops, and what is spoken in parts. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas.enums import Lane, PhoneticAlphabet, VoiceModel
from schemas.parsing import InvalidJobError, check_lane
from schemas.ssml import parse_ssml
from schemas.text_markup import PAUSE_MARK
from worker.batch.file_names import audio_path, is_file_name, same_name
from worker.batch.scripts.model import Finding, Line, Severity
from worker.speech.catalogue import Catalogue, Language, Voice
from worker.speech.chirp_ssml import chirp_losses
from worker.speech.render import MAX_INPUT_BYTES
from worker.speech.text_split import MAX_SENTENCE_CHARACTERS, longest_sentence

LONGEST_ID: Final = 110
"""A job's id may have 128 characters; a batch appends a mark of the line's content and a number to the line's id."""
# In longer texts at least half of the characters are letters or digits. A drawing made of signs has fewer, and what a
# voice makes of it is unpredictable.
_DRAWING_CHARACTERS: Final = 60
_LEAST_SPOKEN_SHARE: Final = 0.5


def lint_jobs(lines: Sequence[Line], catalogue: Catalogue, voice_model: VoiceModel | None = None) -> list[Finding]:
    """All findings, in the script's order. Rows that are no jobs have been found by the reader already.

    Args:
        lines: of the whole script.
        voice_model: for lines that name no voice of their own; None where the rollout decides.
    """
    findings = [*_duplicates(lines)]
    for line in lines:
        findings += _line_findings(line, catalogue, voice_model)
    return sorted(findings, key=lambda each: (each.place.file, each.place.line))


def _duplicates(lines: Sequence[Line]) -> Iterator[Finding]:
    """Lines with the same id, and lines with the same audio file."""
    by_id: dict[str, Line] = {}
    by_path: dict[str, Line] = {}
    for line in lines:
        path = same_name(audio_path(line.job.character, line.id, line.job.audio.encoding))
        first = by_id.setdefault(line.id, line)
        if first is not line:
            yield _error(line, "job_id", "duplicate-id", f"{line.id!a} is also the id of the line at {first.place}")
            continue
        first = by_path.setdefault(path, line)
        if first is not line:
            message = f"{line.id!a} and {first.id!a} at {first.place} would have the same file, {path}"
            yield _error(line, "job_id", "duplicate-file", message)


def _line_findings(line: Line, catalogue: Catalogue, voice_model: VoiceModel | None) -> Iterator[Finding]:
    if len(line.id) > LONGEST_ID:
        message = f"{line.id!a} has {len(line.id)} characters; at most {LONGEST_ID} are allowed"
        yield _error(line, "job_id", "long-id", message)
    if not is_file_name(line.id):
        path = audio_path(line.job.character, line.id, line.job.audio.encoding)
        message = f"{line.id!a} is no file name on Windows: its audio gets the name {path}"
        yield _warning(line, "job_id", "file-name", message)
    try:
        check_lane(line.job, Lane.BATCH)
        forced = catalogue.admit(line.job)
    except InvalidJobError as error:
        yield _error(line, error.field, "voice", error.message)
        return
    job = catalogue.localized(line.job)
    model = forced.voice_model if isinstance(forced, Voice) else forced or voice_model
    if forced is None and model and catalogue.voice(job.character, job.language, model) is None:
        message = f"{model} was chosen for all lines, and does not speak {job.language}"
        yield _error(line, "language", "voice", message)
    language = catalogue.languages[job.language]
    if model is VoiceModel.CHIRP3_HD or (model is None and language.chirp_locale is not None):
        yield from _chirp_findings(line, language)
    yield from _ssml_length_findings(line) if line.job.ssml is not None else _text_findings(line)


def _chirp_findings(line: Line, language: Language) -> Iterator[Finding]:
    """What Chirp drops or doesn't know."""
    if line.job.pitch is not None:
        message = f"Chirp has no pitch: {line.job.pitch:g} has an effect only where WaveNet speaks"
        yield _warning(line, "pitch", "pitch", message)
    if line.job.ssml is not None:
        losses = chirp_losses(line.job.ssml)
        if losses:
            message = f"Chirp drops {', '.join(losses)}: these have their effect only where WaveNet speaks"
            yield _warning(line, "ssml", "ssml", message)
    locale = language.chirp_locale or line.job.language
    has_pauses = PAUSE_MARK.search(line.job.text or "") or "<break" in (line.job.ssml or "")
    if has_pauses and not language.chirp_pauses:
        field = "text" if line.job.ssml is None else "ssml"
        yield _warning(line, field, "pauses", f"Chirp knows no pause marks in {locale}")
    if line.job.pronunciations and not language.chirp_pronunciations:
        yield _warning(line, "pronunciations", "pronunciations", f"Chirp knows no pronunciations in {locale}")
    elif any(entry.alphabet is PhoneticAlphabet.JYUTPING for entry in line.job.pronunciations):
        yield _warning(
            line,
            "pronunciations",
            "pronunciations",
            "Chirp knows no jyutping: it has an effect only where WaveNet speaks",
        )


def _ssml_length_findings(line: Line) -> Iterator[Finding]:
    length = longest_sentence("".join(parse_ssml(line.job.ssml or "").itertext()))
    if length > MAX_SENTENCE_CHARACTERS:
        message = f"has a sentence of {length} characters; it is spoken in parts if Google refuses it"
        yield _warning(line, "ssml", "long-sentence", message)


def _text_findings(line: Line) -> Iterator[Finding]:
    text = line.job.text or ""
    # Most lines are too short for any of these.
    if len(text) <= _DRAWING_CHARACTERS:
        return
    signs, spoken = len("".join(text.split())), sum(map(str.isalnum, text))
    if signs > _DRAWING_CHARACTERS and spoken < signs * _LEAST_SPOKEN_SHARE:
        message = f"has {spoken} letters and digits among {signs} signs: is it a drawing, or a table?"
        yield _warning(line, "text", "drawing", message)
    length = longest_sentence(text) if len(text) > MAX_SENTENCE_CHARACTERS else len(text)
    if length > MAX_SENTENCE_CHARACTERS:
        message = f"has a sentence of {length} characters; over {MAX_SENTENCE_CHARACTERS} it is spoken in parts"
        yield _warning(line, "text", "long-sentence", message)
    elif (size := len(text.encode())) > MAX_INPUT_BYTES:
        message = f"is {size:,} bytes long; over {MAX_INPUT_BYTES:,} it is spoken in parts"
        yield _warning(line, "text", "long-text", message)


def _error(line: Line, field: str, rule: str, message: str) -> Finding:
    return Finding(Severity.ERROR, line.at(field), message, line.id, rule)


def _warning(line: Line, field: str, rule: str, message: str) -> Finding:
    return Finding(Severity.WARNING, line.at(field), message, line.id, rule)
