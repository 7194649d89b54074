"""One run of `chirp-worker batch`: findings, voices, price, the question, the night, the audio; and its exit status."""

import asyncio
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import typer

from schemas.errors import UsageError
from worker.app.rollout_seed import rollout_state
from worker.batch.downloads import AT_ONCE, download, stored_keys
from worker.batch.line_status import LineState, LineStatus, line_states
from worker.batch.price import Price, price_of
from worker.batch.runner import BatchRunner, catch_up, speak
from worker.batch.scripts.model import Line
from worker.batch.state import WritableBatchState, open_state
from worker.batch.voice_selection import VoicedLine, VoiceSelector
from worker.cli import terminal
from worker.cli.batch_findings import check_script, show_findings
from worker.cli.batch_options import BatchOptions
from worker.cli.batch_progress import watched
from worker.cli.views.batch import (
    downloaded_in_words,
    failed_rows,
    finding_rows,
    manifest_row,
    others_in_words,
    price_in_words,
    price_rows,
    standing_row,
    voice_rows,
    voices_in_words,
)
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.rollout.description import describe
from worker.rollout.log.codec import to_state
from worker.rollout.log.reader import open_log
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue, load_catalogue
from worker.storage.client import connect_store

DONE: Final = 0
SOME_FAILED: Final = 1
DECLINED: Final = 1
STOPPED: Final = 130


@dataclass
class Batch:
    """One run.

    Args:
        settings: of the deployment.
        script: its path.
        manifest: its path.
        asked: the options.
    """

    settings: Settings
    script: Path
    manifest: Path
    asked: BatchOptions
    _document: dict[str, object] = field(default_factory=dict, init=False)

    def run(self) -> int:
        """Does it all.

        Returns:
            The exit status: all done, some failed, stopped.

        Raises:
            UsageError: nothing was sent; the message says why.
        """
        catalogue = load_catalogue(self.settings.worker.characters_file)
        lines, left_out = self._read(catalogue)
        with open_state(self.manifest) as book:
            status = self._run(book, catalogue, lines, left_out)
        if left_out:
            self._say(f"{left_out:,} lines have errors and are left out")
        if self.asked.as_json:
            terminal.show_one(self._document, as_json=True)
        return status or (SOME_FAILED if left_out else DONE)

    def _read(self, catalogue: Catalogue) -> tuple[list[Line], int]:
        """The lines without errors, and how many rows have some."""
        script = check_script(self.script, self.settings.worker.max_text_bytes, catalogue, self.asked.wish.voice_model)
        self._document["findings"] = finding_rows(script.findings)
        if not self.asked.as_json:
            show_findings(script.findings, sys.stderr)
        errors = script.rows_with_errors
        if errors and not self.asked.leave_out:
            self._refuse(f"{self.script}: {len(errors):,} lines have errors; mend them, or --leave-out goes on without")
        if script.findings and self.asked.strict:
            self._refuse(f"{self.script}: {len(script.findings):,} findings, and --strict takes none")
        good = [line for line in script.lines if (line.place.file, line.place.line) not in errors]
        if not good:
            self._refuse(f"{self.script}: has no line to speak")
        return good, len(errors)

    def _run(self, book: WritableBatchState, catalogue: Catalogue, lines: Sequence[Line], left_out: int) -> int:
        clock = Clock()
        if book.under_way:
            self._say(f"{len(book.under_way):,} jobs of the run before were under way; looking what became of them")
            asyncio.run(catch_up(book, self.settings.kafka, clock))
        state = asyncio.run(self._state(catalogue, clock))
        casting = VoiceSelector(catalogue, state, clock.now(), self.settings.storage.prefix)
        casts = list(casting.cast(lines, self.asked.wish))
        stands = list(line_states(casts, book.entries, book.lines_under_way, casting))
        self._show_voices(describe(state, catalogue.names, clock.now()), casts, stands)
        # Of a row or a file with errors nobody knows which lines it would be: any of the manifest's may be among them.
        keep_others = left_out > 0
        if others := book.entries.keys() - {line.id for line in lines}:
            self._say(others_in_words(len(others), kept=keep_others))
        to_make = [each.cast for each in stands if each.then in self.asked.wanted]
        if outdated := sum(each.standing is LineStatus.UNDER_WAY and each.then in self.asked.wanted for each in stands):
            self._say(f"{outdated:,} of the lines under way have changed since they were sent: they are made again")
        stored = asyncio.run(self._stored(to_make)) if to_make else set()
        price = price_of(to_make, stored)
        self._show_price(price)
        self._hold_to_budget(price)
        if self.asked.dry_run:
            return DONE
        if to_make:
            self._confirm(price)
        try:
            stopped = self._night(book, casts, casting, stored, clock, keep_others=keep_others)
        finally:
            # Whatever ended it: what is known of the lines stands in the manifest.
            book.write([line.id for line in lines], keep_others=keep_others)
        return self._end(book, casts, casting, stopped=stopped)

    async def _state(self, catalogue: Catalogue, clock: Clock) -> RolloutState:
        """The rollout as a worker with these settings follows it."""
        said = rollout_state(self.settings.rollout, catalogue.names)
        if self.settings.rollout.source == "env" or said.braked:
            return said
        async with open_log(self.settings.kafka, clock) as log:
            await log.read_to_end()
            return said if log.revisions.current is None else to_state(log.revisions.current)

    async def _stored(self, casts: Sequence[VoicedLine]) -> set[str]:
        async with connect_store(self.settings.storage, AT_ONCE) as store:
            with terminal.progress("looking which takes are stored") as told:
                return await stored_keys(store, (cast.key for cast in casts), told)

    def _show_voices(self, rollout: str, casts: Sequence[VoicedLine], stands: Sequence[LineState]) -> None:
        together = self.asked.wish.for_script([cast.line for cast in casts])
        rows = voice_rows(casts)
        standing = standing_row(stands)
        self._document |= {"rollout": rollout, "kept_together": together, "voices": rows, "lines": standing}
        if self.asked.as_json:
            return
        self._say(f"rollout: {rollout}; one voice model for each {together}")
        terminal.show(rows, as_json=False, to_stderr=True)
        for sentence in voices_in_words(casts):
            self._say(sentence)
        if any(row["voices"] == "two" for row in rows):
            self._say(
                "--rollout-key character gives each character one voice model, --voice-model all of them the same"
            )
        terminal.show([standing], as_json=False, to_stderr=True)
        if changed := standing[LineStatus.VOICE_CHANGED.value]:
            self._say(f"{changed:,} lines would have another voice model now; --remake makes them again")

    def _show_price(self, price: Price) -> None:
        rows = price_rows(price)
        self._document["price"] = {"rows": rows, "usd": price.dollars, "usd_at_least": price.dollars_at_least,
                                   "minutes_at_least": price.minutes, "chirp_share": price.chirp_share}  # fmt: skip
        if price.lines and not self.asked.as_json:
            terminal.show(rows, as_json=False, to_stderr=True)
            self._say(price_in_words(price))

    def _hold_to_budget(self, price: Price) -> None:
        budget = self.asked.budget
        if budget is not None and price.dollars > budget:
            self._refuse(f"{price.dollars:,.4f} USD at list price are more than the budget of {budget:g} USD")

    def _confirm(self, price: Price) -> None:
        if self.asked.yes:
            return
        if not sys.stdin.isatty():
            self._refuse("nobody is there to say yes to the price: say --yes, or --dry-run to see it alone")
        if not typer.confirm(f"Speak {price.lines:,} lines?", err=True):
            self._say("nothing was sent")
            raise typer.Exit(DECLINED)

    def _night(
        self,
        book: WritableBatchState,
        casts: Sequence[VoicedLine],
        casting: VoiceSelector,
        stored: Collection[str],
        clock: Clock,
        *,
        keep_others: bool,
    ) -> bool:
        """Makes what is to be made; whether it was stopped by a signal."""
        wanted = self.asked.wanted
        night = BatchRunner(book, casts, casting, wanted=wanted, stored=stored, clock=clock, keep_others=keep_others)
        return asyncio.run(self._speak(night, book, clock)) if night.tally.total else False

    async def _speak(self, night: BatchRunner, book: WritableBatchState, clock: Clock) -> bool:
        stopping = ShutdownSignals()
        stopping.drain_with(night.stop)
        try:
            with watched() as watch:
                await speak(night, book, self.settings.kafka, clock, watch)
        except asyncio.CancelledError:
            # Asked twice.
            return True
        return stopping.requested

    def _end(
        self, book: WritableBatchState, casts: Sequence[VoicedLine], casting: VoiceSelector, *, stopped: bool
    ) -> int:
        lines = {cast.line.id for cast in casts}
        row = manifest_row(book.entries, lines, len(book.under_way))
        self._document |= {"manifest": str(self.manifest), "result": row}
        failed = failed_rows(entry for line, entry in book.entries.items() if line in lines)
        self._document["failures"] = failed
        if not self.asked.as_json:
            terminal.show_one({"manifest": str(self.manifest), **row}, as_json=False)
        problems: Collection[str] = ()
        if self.asked.download is not None and not stopped:
            problems = asyncio.run(self._download(book, lines, self.asked.download))
        for problem in problems:
            self._say(problem)
        if stopped:
            self._say("stopped; the same command goes on where it was")
            return STOPPED
        if failed:
            self._say(f"{len(failed):,} lines failed: `chirp-worker batch status` tells why, `batch retry` tries again")
        undone = [each for each in line_states(casts, book.entries, {}, casting) if each.standing in _UNDONE]
        if changed := sum(each.standing is not LineStatus.FAILED for each in undone):
            self._say(f"{changed:,} lines aren't spoken as the script has them now: `chirp-worker batch` makes them")
        return SOME_FAILED if undone or problems else DONE

    async def _download(self, book: WritableBatchState, lines: Collection[str], folder: Path) -> Collection[str]:
        entries = [entry for line, entry in book.entries.items() if line in lines]
        async with connect_store(self.settings.storage, AT_ONCE) as store:
            with terminal.progress("fetching the audio") as told:
                fetched = await download(store, entries, folder, told)
        self._document["download"] = {"folder": str(folder), **asdict(fetched)}
        if not self.asked.as_json:
            typer.echo(f"{folder}: {downloaded_in_words(fetched)}")
        return fetched.problems

    def _refuse(self, message: str) -> None:
        if self.asked.as_json:
            terminal.show_one({**self._document, "refused": message}, as_json=True)
        raise UsageError(message)

    def _say(self, text: str) -> None:
        sys.stderr.write(f"chirp-worker: {text}\n")


_UNDONE: Final = frozenset({LineStatus.NEW, LineStatus.EDITED, LineStatus.FAILED, LineStatus.UNDER_WAY})
