"""`make bench-voices`: the demo's human voices beside eSpeak's: recognizer's errors, opinion scores, CPU time."""

import asyncio
import io
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import soundfile
import typer

from loadtest.benchmarks.voices.errors import distance, units
from loadtest.benchmarks.voices.listeners import HZ, Listeners
from loadtest.demo.script import read_script
from loadtest.emulator.engines.choice import Engines
from loadtest.emulator.engines.neural import STYLES_FILE, VOICES_FOLDER
from loadtest.emulator.engines.packages import refusal
from loadtest.emulator.markup import SpokenText
from loadtest.emulator.settings import Speech
from loadtest.emulator.synthesizer import Synthesizer
from loadtest.emulator.validation import ValidRequest
from loadtest.emulator.voices import VOICES
from schemas.enums import VoiceModel
from worker.speech.catalogue_file import load_catalogue

_SPEECHES: Final[tuple[Speech, ...]] = ("espeak", "neural")
_LONGEST: Final = 200
"""Characters: the recognizer hears half a minute at once."""


@dataclass
class Tally:
    """What came of the lines of one voice model and language, by one engine."""

    lines: int = 0
    units: int = 0
    errors: int = 0
    characters: int = 0
    sound_s: float = 0.0
    cpu_s: float = 0.0
    opinions: list[tuple[float, float]] = field(default_factory=list)


def main(
    lines: Annotated[int, typer.Option(min=1, help="Lines of each character, in each language.")] = 1,
) -> None:
    """Speak lines of the demo by both engines, listen to them, and print the figures as a table."""
    if why := refusal():
        typer.echo(why, err=True)
        raise typer.Exit(2)
    asyncio.run(_measure(list(_requests(lines))))


def _requests(of_each: int) -> Iterator[tuple[str, VoiceModel, ValidRequest]]:
    """The lines as the worker would ask for them, with each voice model that speaks their language."""
    catalogue = load_catalogue()
    seen: Counter[tuple[str, str]] = Counter()
    for line in read_script():
        text, language = line.job.get("text", ""), line.job.get("language", "en-US")
        if not text or len(text) > _LONGEST or "[" in text or seen[line.character, language] == of_each:
            continue
        seen[line.character, language] += 1
        character = catalogue.characters[line.character]
        for model in VoiceModel:
            found = catalogue.voice(line.character, language, model)
            if found is not None:
                pitch_st = character.pitch if model is VoiceModel.WAVENET else 0.0
                voice, parsed = VOICES[found.name], (SpokenText(text),)
                yield (
                    language,
                    model,
                    ValidRequest(voice, text, "text", parsed, character.rate, pitch_st, 0.0, "LINEAR16", HZ),
                )


async def _measure(requests: list[tuple[str, VoiceModel, ValidRequest]]) -> None:
    listeners = Listeners()
    tallies: dict[tuple[str, VoiceModel, str], Tally] = {}
    with tempfile.TemporaryDirectory() as folder:
        # Takes of its own: what is kept costs nothing.
        if (VOICES_FOLDER / STYLES_FILE).exists():
            (Path(folder) / STYLES_FILE).symlink_to((VOICES_FOLDER / STYLES_FILE).resolve())
        synthesizer = Synthesizer(1, 1, Engines(Path(folder)))
        try:
            for number, (language, model, request) in enumerate(requests, 1):
                for speech in _SPEECHES:
                    tally = tallies.setdefault((language, model, speech), Tally())
                    await _add(tally, synthesizer, listeners, request, speech)
                print(f"{number} of {len(requests)}", end="\r", flush=True)
        finally:
            await synthesizer.close()
    _show(tallies)


async def _add(
    tally: Tally, synthesizer: Synthesizer, listeners: Listeners, request: ValidRequest, speech: Speech
) -> None:
    before, began = _model_cpu_s(synthesizer), time.process_time()
    audio = await synthesizer.audio(request, speech)
    cpu_s = _model_cpu_s(synthesizer) - before if speech == "neural" else time.process_time() - began
    samples, _ = soundfile.read(io.BytesIO(audio), dtype="float32")
    language = request.voice.locale.partition("-")[0]
    said = units(request.input, language)
    heard = units(await asyncio.to_thread(listeners.heard, samples, language), language)
    tally.lines += 1
    tally.units += len(said)
    tally.errors += distance(said, heard)
    tally.characters += len(request.input)
    tally.sound_s += samples.size / HZ
    tally.cpu_s += cpu_s
    tally.opinions.append(await asyncio.to_thread(listeners.opinion, samples))


def _model_cpu_s(synthesizer: Synthesizer) -> float:
    return sum(figures["cpu_s"] for figures in synthesizer.figures().values())


def _show(tallies: dict[tuple[str, VoiceModel, str], Tally]) -> None:
    print("| lines | voice | by | wrongly heard | DNSMOS overall | speech | CPU s a second of sound | characters/s |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for (language, model, speech), tally in tallies.items():
        overall, signal = np.mean(tally.opinions, axis=0)
        unit = "characters" if language == "cmn-TW" else "words"
        print(
            f"| {tally.lines} {language} | {model} | {_engine(language, model, speech)} "
            f"| {tally.errors / tally.units:.1%} of {tally.units} {unit} | {overall:.2f} | {signal:.2f} "
            f"| {tally.cpu_s / tally.sound_s:.2f} | {tally.characters / tally.sound_s:.1f} |"
        )


def _engine(language: str, model: VoiceModel, speech: str) -> str:
    if speech == "espeak":
        return "eSpeak NG"
    return "Piper" if model is VoiceModel.WAVENET and language == "en-US" else "Kokoro"


if __name__ == "__main__":
    typer.run(main)
