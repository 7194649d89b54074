"""What a gate or rule says: its verdict, with the numbers that it rests on. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from schemas.revision import Measurement


class Status(StrEnum):
    """Of a gate: shown to hold; not known yet or in the band; shown not to hold; couldn't be asked."""

    PASS = "pass"  # noqa: S105
    HOLD = "hold"
    FAIL = "fail"
    ERROR = "error"


Use = Literal["gate", "at_once", "step", "character"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate or rule over one window, of one character or of all.

    Attributes:
        use: a promotion's gate, or which roll-back's rule. FAIL of a rule means that it rolls back.
        title: of the condition.
        character: None for all together.
        window: `stage`, `last tenth`, or a rule's window such as `5m`.
        verdict: what it says.
        value: what was measured; None without data.
        bound: how far the value may be off, to the side that is asked for; None where there is none.
        limit: what it is compared with; None where there is none.
        sample: attempts that were judged.
        says: a sentence for people, such as "12.3 % of 1,530 failed, at least 10.4 % by the bound; limit 10 %".
        dry_run: decides nothing.
    """

    use: Use
    title: str
    window: str
    verdict: Status
    character: str | None = None
    value: float | None = None
    bound: float | None = None
    limit: float | None = None
    sample: int = 0
    says: str = ""
    dry_run: bool = False

    @property
    def named(self) -> str:
        """Which it is, for people: `error_rate of ghoul (5m)`."""
        whose = f" of {self.character}" if self.character else ""
        return f"{self.title}{whose} ({self.window})"

    def measurement(self) -> Measurement:
        """As evidence in a revision."""
        return Measurement(
            gate=f"{self.use} {self.title} {self.window}",
            character=self.character,
            value=self.value,
            limit=self.limit,
            sample=self.sample,
            verdict=self.verdict,
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was judged in one round.

    Attributes:
        gates: of the promotion; empty where Chirp is off.
        rules: of the roll-backs.
        braked: recent jobs that a worker's hand brake decided: not all workers follow the rollout.
    """

    gates: tuple[Verdict, ...] = ()
    rules: tuple[Verdict, ...] = ()
    braked: int = 0
