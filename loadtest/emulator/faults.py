"""Which fault, if any, a call meets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from loadtest.emulator.settings import Fault, VoiceModel


@dataclass(slots=True)
class _Armed:
    fault: Fault
    pattern: re.Pattern[str] | None
    set_at: float
    met: int = 0


class Faults:
    """The faults in force, in order: the first that fits a call is the one that it meets."""

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        """`clock` gives seconds from any beginning, `random` decides the shares."""
        self._clock = clock
        self._random = random
        self._armed: list[_Armed] = []

    @property
    def faults(self) -> list[Fault]:
        """The faults as they were set."""
        return [armed.fault for armed in self._armed]

    def replace(self, faults: Iterable[Fault]) -> None:
        """Set these instead of what was set; their time begins now."""
        self._armed = []
        self.append(faults)

    def append(self, faults: Iterable[Fault]) -> None:
        """Set these behind what is set; their time begins now."""
        now = self._clock()
        self._armed += [
            _Armed(fault, re.compile(fault.text_pattern) if fault.text_pattern is not None else None, now)
            for fault in faults
        ]

    def choose(self, voice: str, voice_model: VoiceModel | None, text: str) -> Fault | None:
        """The fault that this call meets; it counts against the fault's limit."""
        for armed in self._armed:
            if self._fits(armed, voice, voice_model, text) and self._random.random() < armed.fault.share:
                armed.met += 1
                return armed.fault
        return None

    def _fits(self, armed: _Armed, voice: str, voice_model: VoiceModel | None, text: str) -> bool:
        fault = armed.fault
        age = self._clock() - armed.set_at
        return (
            (fault.limit is None or armed.met < fault.limit)
            and fault.voice_model in (None, voice_model)
            and fault.voice in (None, voice)
            and fault.after_s <= age
            and (fault.until_s is None or age < fault.until_s)
            and (armed.pattern is None or armed.pattern.search(text) is not None)
        )
