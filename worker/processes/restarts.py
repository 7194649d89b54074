"""When a worker's process that ended is started again, and when that would be in vain. Pure."""

from dataclasses import dataclass
from typing import Final

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
# One that ran for so long has started: what ended it was something else than what ended the ones before it.
_STARTED_AFTER_S: Final = 30.0
_MOST_FAILED_STARTS: Final = 5
_WRONG_SETTING: Final = 2
"""The exit code of a wrong setting or a refusal, which stays wrong: systemd's unit doesn't restart it either."""


@dataclass(frozen=True)
class GiveUp:
    """The process can't start.

    Attributes:
        reason: how that is known.
        lasting: whether it can't before somebody corrects something; a later start of everything may work otherwise.
    """

    reason: str
    lasting: bool


class RestartPolicy:
    """Decides after each end of one process, of whose successors it counts those that ended soon."""

    def __init__(self) -> None:
        self._failed_starts = 0

    def after_end(self, code: int, lived_s: float) -> float | GiveUp:
        """What follows when the process ended by itself.

        Args:
            code: its exit code; below 0 the number of the signal that killed it.
            lived_s: how long it ran.

        Returns:
            The seconds to wait before the next start, 0.5 and twice as many after each that ended within half a minute;
            or that there is none.
        """
        if code == _WRONG_SETTING:
            return GiveUp("it ended with exit code 2: a setting is wrong, or something refused it", lasting=True)
        self._failed_starts = self._failed_starts + 1 if lived_s < _STARTED_AFTER_S else 0
        if self._failed_starts >= _MOST_FAILED_STARTS:
            return GiveUp(
                f"it ended {self._failed_starts} times within {_STARTED_AFTER_S:g} s, last with exit code {code}",
                lasting=False,
            )
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** max(0, self._failed_starts - 1))
