"""`make false-alarms`: the audio check on good audio of thousands of lines, in each encoding."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from loadtest.benchmarks.audio_check.attempts import EmulatedAttempts
from loadtest.benchmarks.audio_check.corpus import FORTUNES, fortunes, jobs
from loadtest.emulator.synthesizer import Synthesizer
from schemas.enums import AudioEncoding, FailureClass, VoiceModel
from schemas.job import Job
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue
from worker.speech.failures import Failure
from worker.speech.render import Rendered, render

_AT_ONCE: Final = 4
_ENCODER_THREADS: Final = 2
_TELEPHONE: Final = frozenset({AudioEncoding.MULAW, AudioEncoding.ALAW})


@dataclass
class Tally:
    """What came of the lines."""

    checked: Counter[AudioEncoding] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    refused: int = 0
    """By the emulator, as Google would: no audio, nothing to check."""
    audio_s: float = 0.0


def main(
    english: Annotated[int, typer.Option(min=0, help="Texts of fortunes, drawn by a fixed seed.")] = 4000,
    chinese: Annotated[int, typer.Option(min=0, help="Texts of fortunes-zh, drawn by a fixed seed.")] = 400,
    encoding: Annotated[
        AudioEncoding | None, typer.Option(help="One encoding; all in turn without it. PCM takes a third of the time.")
    ] = None,
) -> None:
    """Count the false alarms; ends with 1 if there is one."""
    if not fortunes("en-US") or not fortunes("cmn-TW"):
        typer.echo(f"{FORTUNES} lacks texts: install Debian's packages fortunes and fortunes-zh", err=True)
        raise typer.Exit(1)
    tally = asyncio.run(count_false_alarms(english, chinese, [encoding] if encoding else list(AudioEncoding)))
    for alarm in tally.alarms:
        print(alarm)
    by_encoding = ", ".join(f"{encoding} {count:,}" for encoding, count in sorted(tally.checked.items()))
    print(f"{tally.checked.total():,} lines, {tally.audio_s / 3600:.1f} h of audio: {by_encoding}")
    print(f"{len(tally.alarms)} false alarms; {tally.refused} lines refused before they were spoken")
    raise typer.Exit(bool(tally.alarms))


async def count_false_alarms(english: int, chinese: int, encodings: Sequence[AudioEncoding]) -> Tally:
    """Speaks the demo's lines and so many fortunes, in the encodings in turn, and holds each against the check."""
    catalogue, tally = load_catalogue(), Tally()
    synthesizer = Synthesizer(1, _ENCODER_THREADS)
    attempts = EmulatedAttempts(synthesizer)
    pending = enumerate(_rendered(english, chinese, encodings, catalogue))

    async def speak_in_turn() -> None:
        for number, rendered in pending:
            await _speak(rendered, attempts, tally)
            if number % 500 == 499:  # noqa: PLR2004  # a sign of life about once a minute
                print(f"{number + 1:,} lines, {len(tally.alarms)} false alarms", file=sys.stderr)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(speak_in_turn())
    finally:
        await synthesizer.close()
    return tally


async def _speak(rendered: Rendered, attempts: EmulatedAttempts, tally: Tally) -> None:
    outcome = (await attempts.attempt(rendered)).outcome
    if not isinstance(outcome, Failure):
        tally.checked[rendered.encoding] += 1
        tally.audio_s += outcome.duration_s
    elif outcome.failure_class is FailureClass.BAD_AUDIO:
        tally.checked[rendered.encoding] += 1
        text = " ".join(entry.content for entry in rendered.inputs)
        tally.alarms.append(f"{rendered.voice.name} {rendered.encoding}: {outcome.message}: {text[:200]!r}")
    else:
        tally.refused += 1


def _rendered(
    english: int, chinese: int, encodings: Sequence[AudioEncoding], catalogue: Catalogue
) -> Iterator[Rendered]:
    """The lines, each for one voice model and in one encoding, in turn."""
    for number, document in enumerate(jobs(english, chinese, sorted(catalogue.names))):
        encoding = encodings[number % len(encodings)]
        audio = {"encoding": encoding, "sample_rate": 8000 if encoding in _TELEPHONE else 24000}
        job = _job({**document, "audio": audio})
        if job is None:
            continue
        models = [VoiceModel.CHIRP3_HD, VoiceModel.WAVENET]
        voices = [catalogue.voice(job.character, job.language, model) for model in models]
        known = [voice for voice in voices if voice is not None]
        yield render(job, catalogue.characters[job.character], known[number // len(encodings) % len(known)])


def _job(document: dict[str, Any]) -> Job | None:
    """The job; None for a text that no job may have, such as one with tags."""
    try:
        return Job.model_validate(document)
    except ValidationError:
        return None


if __name__ == "__main__":
    typer.run(main)
