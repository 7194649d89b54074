"""A synthesis request as a take's key sees it: everything that changes the sound, and nothing else. Pure.

Storage doesn't know speech: the lines that speech renders satisfy these protocols. A new field that changes the sound
belongs here and into the canonical form in `takes.py`. Otherwise two sounds share a key.
"""

from collections.abc import Sequence
from typing import Protocol

from schemas.enums import AudioEncoding, VoiceModel
from schemas.job import Pronunciation


class RequestedVoice(Protocol):
    """A voice as Google names it, and the locale that goes into the request."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def locale(self) -> str: ...  # noqa: D102

    @property
    def voice_model(self) -> VoiceModel: ...  # noqa: D102


class RequestedInput(Protocol):
    """The input of one call: its form (text, SSML or markup), and the pronunciations that stand beside it."""

    @property
    def form(self) -> str: ...  # noqa: D102

    @property
    def content(self) -> str: ...  # noqa: D102

    @property
    def pronunciations(self) -> Sequence[Pronunciation]: ...  # noqa: D102


class SynthesisRequest(Protocol):
    """A whole line for one voice; several inputs make one take.

    `speaking_rate` is a factor, `pitch` in semitones, `volume_gain_db` in dB, `sample_rate` in Hz.
    """

    @property
    def voice(self) -> RequestedVoice: ...  # noqa: D102

    @property
    def inputs(self) -> Sequence[RequestedInput]: ...  # noqa: D102

    @property
    def speaking_rate(self) -> float: ...  # noqa: D102

    @property
    def pitch(self) -> float: ...  # noqa: D102

    @property
    def volume_gain_db(self) -> float: ...  # noqa: D102

    @property
    def encoding(self) -> AudioEncoding: ...  # noqa: D102

    @property
    def sample_rate(self) -> int: ...  # noqa: D102
