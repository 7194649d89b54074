"""One run of `chirp-worker listening make`: the plan with its price, then the pairs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.app.tracing import open_tracing
from worker.batch.downloads import AT_ONCE, stored_keys
from worker.batch.scripts.loader import read_script
from worker.cli import terminal
from worker.cli.listening_topics import read_pairs
from worker.cli.views.batch import describe_price, price_rows
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.listening.pair_maker import PairMaker, PairRequest, check_limit, jobs_of_script
from worker.listening.pair_plan import CharacterPlan, PairPlan
from worker.speech.catalogue_file import load_catalogue
from worker.storage.client import connect_store

_SOURCE: Final = "/cli/listening"


@dataclass(frozen=True)
class MakeOptions:
    """What is wanted.

    Attributes:
        script: None for the latest lines of the lanes.
        lines: of each character.
        cap: the highest price, in US dollars at list price.
    """

    script: Path | None
    characters: tuple[str, ...]
    lines: int
    cap: float
    as_json: bool = False


class PairsCommand:
    """Plans and makes pairs for the command line."""

    def __init__(self, settings: Settings, options: MakeOptions) -> None:
        self._settings = settings
        self._options = options
        catalogue = load_catalogue(settings.worker.characters_file)
        self._maker = PairMaker(settings, catalogue, self._find_stored, Clock())

    async def plan(self) -> PairPlan:
        """The plan, shown with its price.

        Raises:
            UsageError: it costs more than the cap, or something in the options is wrong.
        """
        script, most = self._options.script, self._settings.worker.max_text_bytes
        lines = None
        if script is not None:
            read = read_script(script, most)
            lines = jobs_of_script([*read.findings, *read.lines])
        request = PairRequest(self._options.characters, self._options.lines, _SOURCE)
        plan = await self._maker.plan(request, lines)
        self._show(plan, plan.by_character(await read_pairs(self._settings.kafka)))
        check_limit(plan, self._options.cap)
        return plan

    async def make(self, plan: PairPlan) -> int:
        """Makes the pairs; returns how many jobs were sent."""
        async with open_tracing(self._settings) as tracing:
            return await self._maker.make(plan, tracing.tracer)

    def _show(self, plan: PairPlan, rows: list[CharacterPlan]) -> None:
        characters = [
            {
                "character": each.character,
                "pairs now": each.before,
                "pairs after": each.after,
                "takes to make": each.new,
                "characters": each.characters,
                "USD": round(each.dollars, 6),
            }
            for each in rows
        ]
        if self._options.as_json:
            price = {"usd": round(plan.price.dollars, 6), "rows": price_rows(plan.price)}
            terminal.show_one({"pairs": len(plan.pairs), "characters": characters, "price": price}, as_json=True)
            return
        terminal.show(characters, as_json=False, to_stderr=True)
        terminal.note(describe_price(plan.price))

    async def _find_stored(self, keys: Iterable[str]) -> Collection[str]:
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("looking up stored takes") as progress:
                return (await stored_keys(store, keys, progress)).stored
