"""How a request sounds beside its voice's own sound: the rate and pitch of each sentence. Pure."""

from dataclasses import dataclass
from random import Random

from loadtest.emulator.markup import Pause, sentences
from loadtest.emulator.validation import ValidRequest
from loadtest.emulator.voices import Voice


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence for an engine to speak."""

    text: str
    rate: float
    """1 is the voice's own."""
    pitch_st: float
    """Semitones above the voice's own pitch."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Everything that determines the samples, except gain, sample rate and encoding."""

    voice: Voice
    parts: tuple[Utterance | Pause, ...]


def prosody_for(request: ValidRequest, random: Random) -> Prosody:
    """Returns the prosody of a request. `random` varies chirp3-hd, which is generative, and not wavenet."""
    chirp = request.voice.model == "chirp3-hd"
    return Prosody(request.voice, tuple(_parts(request, random if chirp else None)))


def _parts(request: ValidRequest, random: Random | None) -> list[Utterance | Pause]:
    parts: list[Utterance | Pause] = []
    for part in request.parsed:
        if isinstance(part, Pause):
            parts.append(part)
            continue
        for sentence in sentences(part.text):
            rate, pitch_st = part.rate * request.rate, part.pitch_st + request.pitch_st
            if random is not None:
                rate *= random.uniform(0.96, 1.04)
                pitch_st += random.uniform(-0.6, 0.6)
            parts.append(Utterance(sentence, rate, pitch_st))
    return parts
