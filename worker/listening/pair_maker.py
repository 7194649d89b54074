"""Plans pairs with their price, and makes them: one function for the console and the command line."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.errors import UsageError
from schemas.job import Job
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.mapping.own_columns import read_own_csv
from worker.batch.scripts.model import Finding, Line, Severity
from worker.batch.voice_selection import VoiceSelector
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.listening.latest_lines import latest_lines
from worker.listening.pair_plan import PairPlan, plan_pairs
from worker.listening.pair_topic import make_pairs
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue

MOST_LINES: Final = 100
"""The most lines of a character at a time: listeners judge some sixty."""

FindStored = Callable[[Iterable[str]], Awaitable[Collection[str]]]
"""The keys among these of which a take is stored; raises StorageError."""


@dataclass(frozen=True)
class PairRequest:
    """What is wanted.

    Attributes:
        characters: keys of the catalogue.
        per_character: how many lines of each.
        source: URI reference of who asks.
    """

    characters: Collection[str]
    per_character: int
    source: str


class PairMaker:
    """Plans and makes pairs."""

    def __init__(self, settings: Settings, catalogue: Catalogue, find_stored: FindStored, clock: Clock) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._find_stored = find_stored
        self._clock = clock

    async def plan(self, request: PairRequest, lines: Iterable[Job] | None) -> PairPlan:
        """The plan, with what of it is stored already.

        Args:
            lines: in the order in which they are preferred; None for the latest ones of the lanes.

        Raises:
            UsageError: a character is unknown, a number is out of range, or no line fits.
            KafkaError, StorageError: Kafka or the store doesn't answer.
        """
        if not request.characters:
            raise UsageError("characters: choose at least one")
        if unknown := sorted(set(request.characters) - self._catalogue.names):
            names = ", ".join(sorted(self._catalogue.names))
            raise UsageError(f"characters={unknown[0]!a}: is unknown; the characters are {names}")
        if not 1 <= request.per_character <= MOST_LINES:
            raise UsageError(f"lines={request.per_character}: allowed is 1 to {MOST_LINES} for each character")
        # A job that names its voice model needs no rollout: the state decides nothing.
        state = RolloutState(enabled=False, percentage=0, characters=None)
        now = self._clock.now()
        plan = plan_pairs(
            await latest_lines(self._settings) if lines is None else lines,
            self._catalogue,
            VoiceSelector(self._catalogue, state, now, self._settings.storage.prefix),
            characters=request.characters,
            per_character=request.per_character,
            time=now,
            source=request.source,
        )
        if not plan.pairs:
            raise UsageError("lines: none of these characters has one that both voice models speak, in one call each")
        stored = await self._find_stored(line.key for each in plan.pairs for line in each.lines)
        return replace(plan, stored=frozenset(stored))

    async def make(self, plan: PairPlan, tracer: Tracer = NO_TRACER) -> int:
        """Makes a plan's pairs; returns how many jobs were sent.

        Raises:
            KafkaError: Kafka refuses, or doesn't answer; the same plan may be made again.
        """
        return await make_pairs(self._settings.kafka, plan, tracer)


def check_limit(plan: PairPlan, limit: float) -> None:
    """Refuses a plan that costs more than a limit in US dollars.

    Raises:
        UsageError: it does.
    """
    if plan.price.exceeds(limit):
        raise UsageError(
            f"limit={limit:g}: the takes cost {plan.price.dollars:.6f} USD at list price; allow more, or choose fewer "
            "characters or lines"
        )


def jobs_of_text(text: str, max_text_bytes: int) -> list[Job]:
    """The lines of a script's text, JSON Lines where it begins with a brace, else CSV.

    Raises:
        UsageError: a line has an error; the message names its place.
    """
    read = read_jsonl if text.lstrip().startswith("{") else read_own_csv
    return jobs_of_script(list(read(text, "script", max_text_bytes)))


def jobs_of_script(found: Sequence[Line | Finding]) -> list[Job]:
    """The lines among what was read of a script.

    Raises:
        UsageError: a line has an error; the message names its place.
    """
    for each in found:
        if isinstance(each, Finding) and each.severity is Severity.ERROR:
            raise UsageError(str(each))
    return [each.job for each in found if isinstance(each, Line)]
