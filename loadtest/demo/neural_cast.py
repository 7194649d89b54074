"""The demo's human voices: who speaks for which character, and how fast the models were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
import numpy as np
from rich.console import Console
from rich.table import Table

from loadtest.demo.queries import totals_of
from loadtest.demo.run import DemoFailedError
from loadtest.emulator.engines.neural import STYLES_FILE, VOICES_FOLDER
from loadtest.emulator.engines.neural_voices import heard_pitch_st, neural_voice
from loadtest.emulator.engines.packages import refusal
from loadtest.emulator.voices import VOICES
from loadtest.stack.counters import Counters
from loadtest.stack.local_stack import Stack
from schemas.enums import VoiceModel
from worker.speech.catalogue import Catalogue, Voice
from worker.speech.catalogue_file import load_catalogue

Voices = Literal["espeak", "neural"]
"""Who speaks in Google's place."""

_LANGUAGES: Final = ("en-US", "cmn-TW")
_NAMES: Final = {"piper": "Piper", "kokoro": "Kokoro"}


@dataclass(frozen=True)
class Part:
    """A character, and who speaks for its voices: Chirp's and WaveNet's in English, WaveNet's in Mandarin."""

    character: str
    chirp: str
    wavenet: str
    mandarin: str


def read_cast() -> list[Part]:
    """Returns who speaks for each character.

    Raises:
        DemoFailedError: the neural voices aren't installed.
    """
    if why := refusal():
        raise DemoFailedError(why)
    file = VOICES_FOLDER / STYLES_FILE
    styles = frozenset(np.load(file).files) if file.exists() else frozenset()
    return cast_of(load_catalogue(), styles)


def cast_of(catalogue: Catalogue, styles: frozenset[str]) -> list[Part]:
    """Returns who speaks for each character of a catalogue, with the styles that Kokoro has."""
    english, mandarin = _LANGUAGES
    chirp, wavenet = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
    return [
        Part(
            key,
            _who(catalogue.voice(key, english, chirp), 0.0, styles),
            _who(catalogue.voice(key, english, wavenet), character.pitch, styles),
            _who(catalogue.voice(key, mandarin, wavenet), character.pitch, styles),
        )
        for key, character in catalogue.characters.items()
    ]


def show_cast(console: Console, cast: Sequence[Part]) -> None:
    """Prints who speaks for whom, and that this is a demo."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("character", "for Chirp", "for WaveNet", "for WaveNet in Mandarin"):
        table.add_column(header, no_wrap=True)
    for part in cast:
        table.add_row(part.character, part.chirp, part.wavenet, part.mandarin)
    console.print(table)
    console.print(
        "Models on this machine speak in place of Google, for this demo alone: the worker itself knows Google alone.\n"
        "st: semitones by which the voice is moved; paces are the characters'. Other languages: eSpeak NG.\n",
        style="dim",
    )


async def show_figures(console: Console, stack: Stack, run: Counters, took_s: float) -> None:
    """Prints how fast the models were in this run."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{stack.control}/voices") as answer,
    ):
        figures: dict[str, dict[str, float]] = await answer.json()
    audio_s = totals_of(run).audio_s
    console.print(
        f"\n[bold]The voices[/]: {audio_s:.0f} s of sound in {took_s:.0f} s, {audio_s / took_s:.1f} × real time"
    )
    for model, of_model in sorted(figures.items()):
        console.print(f"  {_NAMES[model]}: {_speed(of_model)}")


def _speed(figures: dict[str, float]) -> str:
    kept = f"{figures['kept']:.0f} sentences kept from earlier runs or takes"
    if not figures["spoken"]:
        return kept
    cost = figures["cpu_s"] / max(figures["sound_s"], 1e-9)
    return f"{figures['spoken']:.0f} sentences at {cost:.2f} s of CPU a second of sound, {kept}"


def _who(voice: Voice | None, pitch_st: float, styles: frozenset[str]) -> str:
    found = neural_voice(VOICES[voice.name], styles) if voice else None
    if found is None:
        return "eSpeak NG" if voice else "-"
    moved = heard_pitch_st(found, pitch_st)
    return f"{_NAMES[found.engine]} {found.style}" + (f" {moved:+.1f} st" if abs(moved) > 0.05 else "")  # noqa: PLR2004  # rounded it is none
