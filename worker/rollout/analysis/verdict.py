"""A criterion (one gate or guardrail rule over one window) and its verdict: pass, hold, fail or error. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from schemas.revision import Measurement
from worker.rollout.plan.conditions import COMPLAINTS, Condition, NoData, Rule
from worker.rollout.plan.settings import Bounds

Use = Literal["gate", "at_once", "step", "character"]
"""A promotion's gate, or which kind of roll-back rule."""


class Status(StrEnum):
    """The status of a criterion.

    PASS: shown to hold. HOLD: not known yet, or between the limits of gate and rule. FAIL: shown not to hold; a rule
    that fails rolls back. ERROR: it couldn't be evaluated.
    """

    PASS = "pass"  # noqa: S105
    HOLD = "hold"
    FAIL = "fail"
    ERROR = "error"


Wording = str | Callable[[], str]
"""A sentence, or what writes it. A round makes some hundred verdicts, and a simulation reads the sentences of a few."""
_NO_DATA = {NoData.HOLD: Status.HOLD, NoData.PASS: Status.PASS, NoData.FAIL: Status.FAIL}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one gate or rule over one window, for one character or for all.

    Attributes:
        use: a promotion's gate, or which kind of roll-back rule.
        title: the condition's.
        window: `stage`, `last tenth`, or a rule's window such as `5m`.
        status: the result.
        character: None for all together.
        value: what was measured; None without data.
        bound: the confidence bound of the value, on the side that decides; None if there is none.
        limit: what the value or its bound is compared with; None if there is none.
        sample: the attempts evaluated.
        wording: of `message`.
        dry_run: it decides nothing.
        suffices: a step back needs no other window to fail.
    """

    use: Use
    title: str
    window: str
    status: Status
    character: str | None = None
    value: float | None = None
    bound: float | None = None
    limit: float | None = None
    sample: int = 0
    wording: Wording = field(default="", compare=False)
    dry_run: bool = False
    suffices: bool = False

    @property
    def message(self) -> str:
        """A sentence for people, such as "12.3 % of 1,530 failed, at least 10.4 % by the bound; limit 10 %"."""
        return self.wording if isinstance(self.wording, str) else self.wording()

    @property
    def label(self) -> str:
        """The criterion for people: `error_rate of ghoul (5m)`."""
        of_character = f" of {self.character}" if self.character else ""
        return f"{self.title}{of_character} ({self.window})"

    def measurement(self) -> Measurement:
        """Return the verdict as evidence in a revision."""
        return Measurement(
            gate=f"{self.use} {self.title} {self.window}",
            character=self.character,
            value=self.value,
            limit=self.limit,
            sample=self.sample,
            verdict=self.status,
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All verdicts of one round.

    Attributes:
        gates: of the promotion; empty while Chirp is off.
        rules: of the roll-backs.
        braked: recent jobs that a worker's hand brake decided: not all workers follow the rollout.
    """

    gates: tuple[Verdict, ...] = ()
    rules: tuple[Verdict, ...] = ()
    braked: int = 0


@dataclass(frozen=True)
class Criterion:
    """What is evaluated: a condition over a window, for a character or for all, with its minimum sample size.

    Attributes:
        use: a promotion's gate, or which kind of roll-back rule.
        condition: the gate or rule.
        window: its name.
        bounds: the confidence that is needed.
        min_sample: in attempts.
        character: None for all together.
        suffices: whether a step back needs no other window to fail.
        is_tail: whether the window is the last tenth of a stage, which must be like the rest. It has a tenth of the
            sample, too few attempts to show a low rate: the measured value itself must be below the limit.
    """

    use: Use
    condition: Condition
    window: str
    bounds: Bounds
    min_sample: int
    character: str | None = None
    is_tail: bool = False
    suffices: bool = False

    @property
    def is_rule(self) -> bool:
        """Whether FAIL means a roll-back."""
        return isinstance(self.condition, Rule)

    def verdict(
        self,
        status: Status,
        wording: Wording,
        *,
        value: float | None = None,
        bound: float | None = None,
        limit: float | None = None,
        sample: int = 0,
    ) -> Verdict:
        """Make a verdict of this criterion; its limit is the condition's unless another is given."""
        condition = self.condition
        return Verdict(
            self.use, condition.title, self.window, status, self.character, value, bound,
            condition.limit if limit is None else limit, sample, wording, condition.dry_run, self.suffices,
        )  # fmt: skip

    def no_data_verdict(self, wording: Wording, sample: int = 0) -> Verdict:
        """Make the verdict for too little data, by the condition's policy."""
        return self.verdict(_NO_DATA[self.condition.no_data], wording, sample=sample)

    def small_sample_verdict(self, sample: int, needed: int) -> Verdict:
        """Make the verdict for a sample below its minimum size, by the condition's policy."""
        what = "completions" if self.condition.measure in COMPLAINTS else "attempts"
        return self.no_data_verdict(lambda: f"{sample:,} of {needed:,} {what} needed", sample)
