"""The steps that `batch run` and `batch redo` share: rollout, stored takes, price, confirmation, jobs, download."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from worker.app.rollout_seed import rollout_state
from worker.app.tracing import open_tracing
from worker.batch.download_result import DownloadResult
from worker.batch.downloads import AT_ONCE, StoredKeys, download, stored_keys
from worker.batch.entry import ManifestEntry
from worker.batch.price_estimate import PriceEstimate
from worker.batch.reconcile import reconcile
from worker.batch.run_report import RunReport, reporting
from worker.batch.runner import BatchRunner, RunPlan, run_batch
from worker.batch.spending import Spending
from worker.batch.state import WritableBatchState
from worker.cli import terminal
from worker.cli.batch_options import SpendingOptions
from worker.cli.batch_output import BatchOutput
from worker.cli.batch_progress import show_progress
from worker.cli.exit_codes import ExitCode
from worker.cli.views.batch import describe_dollars
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.rollout.log.codec import to_state
from worker.rollout.log.reader import open_log
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue
from worker.storage.client import connect_store


class BatchSteps:
    """The steps of one command.

    Args:
        name: of the run, in the console: the script's.
        options: what may be spent, and who confirms it.
        findings: about the script, so many.
    """

    def __init__(
        self, settings: Settings, name: str, options: SpendingOptions, output: BatchOutput, *, findings: int = 0
    ) -> None:
        self._settings = settings
        self._name = name
        self._options = options
        self._output = output
        self.findings = findings
        self.script_id: str | None = None
        """Of a script whose lines' own takes are made."""
        self.clock = Clock()
        self.spending = Spending(options.cap)
        self.unsent = 0
        """Lines that the cap has left unsent."""

    async def rollout_state(self, catalogue: Catalogue) -> RolloutState:
        """The rollout's state as a worker with these settings sees it."""
        seed = rollout_state(self._settings.rollout, catalogue.names)
        if self._settings.rollout.source == "env" or seed.braked:
            return seed
        async with open_log(self._settings.kafka, self.clock) as log:
            await log.read_to_end()
            return seed if log.revisions.current is None else to_state(log.revisions.current)

    def reconcile(self, state: WritableBatchState) -> None:
        """Finds out how the jobs ended that were in flight when the last command ended."""
        if state.in_flight:
            self._output.say(f"{len(state.in_flight):,} jobs of the last run were in progress; checking how they ended")
            asyncio.run(reconcile(state, self._settings.kafka, self.clock))

    def find_stored(self, keys: Iterable[str]) -> StoredKeys:
        """Which takes are stored."""
        wanted = list(dict.fromkeys(keys))
        return asyncio.run(self._find_stored(wanted)) if wanted else StoredKeys()

    async def _find_stored(self, keys: Sequence[str]) -> StoredKeys:
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("looking up stored takes") as progress:
                return await stored_keys(store, keys, progress)

    def confirm(self, price: PriceEstimate, what: str = "lines") -> None:
        """Has a price confirmed that was shown.

        Args:
            what: is spoken.

        Raises:
            UsageError: nobody can confirm it.
            Exit: it was declined.
        """
        if self._options.yes or self._options.dry_run or not price.lines:
            return
        if not sys.stdin.isatty():
            self._output.refuse("nobody can confirm the price: use --yes to accept it, or --dry-run to see it only")
        if not typer.confirm(f"Speak {price.lines:,} {what}?", err=True):
            self._output.say("nothing was sent")
            raise typer.Exit(ExitCode.FAILED)

    def check_budget(self, price: PriceEstimate) -> None:
        """Ends the command if a price is more than the budget.

        Raises:
            UsageError: it is.
        """
        budget = self._options.budget
        if budget is not None and price.exceeds(budget):
            self._output.refuse(f"{describe_dollars(price)} at list price is more than the budget of {budget:g} USD")

    def run_jobs(self, state: WritableBatchState, plan: RunPlan, expected_dollars: float) -> bool:
        """Makes the wanted lines until the cap; returns whether a signal stopped it.

        Args:
            expected_dollars: the confirmed price.
        """
        runner = BatchRunner(state, plan, self.clock, self.spending)
        stopped = (
            asyncio.run(self._run_until_signal(runner, state, expected_dollars)) if runner.progress.total else False
        )
        if not stopped:
            self.unsent += runner.unsent
        return stopped

    async def _run_until_signal(self, runner: BatchRunner, state: WritableBatchState, expected_dollars: float) -> bool:
        signals = ShutdownSignals()
        signals.drain_with(runner.stop)
        try:
            report = RunReport(
                self._name, expected_dollars, self.findings, self.clock, runner.progress, script_id=self.script_id
            )
            with show_progress() as observer:
                async with (
                    open_tracing(self._settings) as tracing,
                    reporting(self._settings.kafka, report, lambda: signals.requested),
                ):
                    await run_batch(runner, state, self._settings.kafka, self.clock, observer, tracer=tracing.tracer)
        except asyncio.CancelledError:
            # The second signal.
            return True
        if report.problem:
            self._output.say(f"the console doesn't know of this run's end: {report.problem}")
        return signals.requested

    def download(self, entries: Sequence[ManifestEntry], folder: Path) -> DownloadResult:
        """Downloads the audio of entries."""
        return asyncio.run(self._download(entries, folder))

    async def _download(self, entries: Sequence[ManifestEntry], folder: Path) -> DownloadResult:
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("downloading the audio") as progress:
                return await download(store, entries, folder, progress)
