"""Fault injection: chooses the fault, if any, that applies to a call."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from loadtest.emulator.settings import Fault, VoiceModel


@dataclass(slots=True)
class _Armed:
    fault: Fault
    pattern: re.Pattern[str] | None
    set_at: float
    applied: int = 0


class Faults:
    """The active faults, in order. The first one that matches a call applies.

    Args:
        clock: seconds from any start.
        random: decides for each call whether a fault with a share below 1 applies.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._clock = clock
        self._random = random
        self._armed: list[_Armed] = []

    @property
    def faults(self) -> list[Fault]:
        """The active faults."""
        return [armed.fault for armed in self._armed]

    def replace(self, faults: Iterable[Fault]) -> None:
        """Replaces the active faults; the new ones start now."""
        self._armed = []
        self.append(faults)

    def append(self, faults: Iterable[Fault]) -> None:
        """Adds faults after the active ones; the new ones start now."""
        now = self._clock()
        self._armed += [
            _Armed(fault, re.compile(fault.text_pattern) if fault.text_pattern is not None else None, now)
            for fault in faults
        ]

    def choose(self, voice: str, voice_model: VoiceModel | None, text: str) -> Fault | None:
        """Returns the fault that applies to this call, and counts it against the fault's limit."""
        for armed in self._armed:
            if self._matches(armed, voice, voice_model, text) and self._random.random() < armed.fault.share:
                armed.applied += 1
                return armed.fault
        return None

    def _matches(self, armed: _Armed, voice: str, voice_model: VoiceModel | None, text: str) -> bool:
        fault = armed.fault
        age = self._clock() - armed.set_at
        return (
            (fault.limit is None or armed.applied < fault.limit)
            and fault.voice_model in (None, voice_model)
            and fault.voice in (None, voice)
            and fault.after_s <= age
            and (fault.until_s is None or age < fault.until_s)
            and (armed.pattern is None or armed.pattern.search(text) is not None)
        )
