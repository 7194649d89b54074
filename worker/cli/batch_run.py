"""One run of `chirp-worker batch`, step by step: lint, voices, price, confirmation, jobs, download, exit code."""

import asyncio
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import typer

from worker.app.rollout_seed import rollout_state
from worker.app.tracing import open_tracing
from worker.batch.downloads import AT_ONCE, StoredKeys, download, downloaded_files, stored_keys
from worker.batch.entry import ManifestEntry
from worker.batch.line_status import LineState, LineStatus, line_states
from worker.batch.price_estimate import PriceEstimate, estimate_price
from worker.batch.reconcile import reconcile
from worker.batch.run_report import RunReport, reporting
from worker.batch.runner import BatchRunner, RunPlan, run_batch
from worker.batch.scripts.model import Line
from worker.batch.state import BatchState, WritableBatchState, open_state, read_state
from worker.batch.voice_selection import PlannedLine, VoiceSelector
from worker.cli import terminal
from worker.cli.batch_check import check_script
from worker.cli.batch_options import BatchOptions
from worker.cli.batch_output import BatchOutput
from worker.cli.batch_progress import show_progress
from worker.cli.exit_codes import ExitCode
from worker.cli.views.batch import describe_dollars, describe_other_characters, describe_other_entries
from worker.config.settings import Settings
from worker.lifecycle.clock import Clock
from worker.lifecycle.signals import ShutdownSignals
from worker.rollout.description import describe
from worker.rollout.log.codec import to_state
from worker.rollout.log.reader import open_log
from worker.rollout.state import RolloutState
from worker.speech.catalogue import Catalogue
from worker.speech.catalogue_file import load_catalogue
from worker.storage.client import connect_store

_UNDONE: Final = frozenset({LineStatus.NEW, LineStatus.EDITED, LineStatus.FAILED, LineStatus.IN_FLIGHT})


class Batch:
    """One run of a script, with its manifest."""

    def __init__(self, settings: Settings, script: Path, manifest: Path, options: BatchOptions) -> None:
        self._settings = settings
        self._script = script
        self._manifest = manifest
        self._options = options
        self._clock = Clock()
        self._output = BatchOutput(as_json=options.as_json)
        self._findings = 0
        self._expected_dollars = 0.0
        self._dropped: tuple[ManifestEntry, ...] = ()

    def run(self) -> ExitCode:
        """Runs all steps.

        Returns:
            The exit code: all done, some failed, or stopped.

        Raises:
            UsageError: nothing was sent; the message gives the reason.
        """
        catalogue = load_catalogue(self._settings.worker.characters_file)
        lines, left_out = self._read(catalogue)
        if self._options.dry_run:
            # Reads alone: a run on this manifest may be under way, and the folder be read-only.
            exit_code = self._preview(read_state(self._manifest), catalogue, lines, left_out)
        else:
            with open_state(self._manifest) as state:
                exit_code = self._run(state, catalogue, lines, left_out)
        if left_out:
            self._output.say(f"{left_out:,} lines have errors and were left out")
        self._output.finish()
        return exit_code or (ExitCode.FAILED if left_out else ExitCode.DONE)

    def _read(self, catalogue: Catalogue) -> tuple[list[Line], int]:
        """The lines without errors, and the number of rows with errors."""
        max_text_bytes = self._settings.worker.max_text_bytes
        script = check_script(self._script, max_text_bytes, catalogue, self._options.voices.voice_model)
        self._output.findings(script.findings)
        self._findings = len(script.findings)
        errors = script.rows_with_errors
        if errors and not self._options.leave_out:
            self._output.refuse(
                f"{self._script}: {len(errors):,} lines have errors; correct them, or run without them by --leave-out"
            )
        if script.unmended and self._options.strict:
            self._output.refuse(f"{self._script}: {len(script.unmended):,} findings, and --strict allows none")
        good = [line for line in script.lines if (line.place.file, line.place.line) not in errors]
        if not good:
            self._output.refuse(f"{self._script}: has no line to speak")
        return good, len(errors)

    def _preview(self, state: BatchState, catalogue: Catalogue, lines: Sequence[Line], left_out: int) -> ExitCode:
        if state.in_flight:
            self._output.say(f"{len(state.in_flight):,} jobs are in progress, or were at the last run's end")
        self._plan(state, catalogue, lines, left_out)
        return ExitCode.DONE

    def _run(self, state: WritableBatchState, catalogue: Catalogue, lines: Sequence[Line], left_out: int) -> ExitCode:
        if state.in_flight:
            self._output.say(f"{len(state.in_flight):,} jobs of the last run were in progress; checking how they ended")
            asyncio.run(reconcile(state, self._settings.kafka, self._clock))
        plan = self._plan(state, catalogue, lines, left_out)
        try:
            stopped = self._run_jobs(state, plan)
        finally:
            # The manifest gets every known result, also after an error.
            state.write([line.id for line in lines], keep_others=plan.keep_others)
        return self._finish(state, plan, stopped=stopped)

    def _plan(self, state: BatchState, catalogue: Catalogue, lines: Sequence[Line], left_out: int) -> RunPlan:
        """Shows voices, lines and price, and has the price confirmed."""
        rollout = asyncio.run(self._rollout_state(catalogue))
        selector = VoiceSelector(catalogue, rollout, self._clock.now(), self._settings.storage.prefix)
        planned_lines = list(selector.select(lines, self._options.voices))
        states = list(line_states(planned_lines, state.entries, state.lines_in_flight, selector))
        description = describe(rollout, catalogue.names, self._clock.now())
        self._output.voices(description, self._options.voices.for_script(lines), planned_lines, states)
        # A row with errors, or a file that can't be read, may hold any line: the manifest keeps the other entries then.
        keep_others = left_out > 0
        in_script = {line.id for line in lines}
        if others := [entry for line, entry in state.entries.items() if line not in in_script]:
            self._output.say(describe_other_entries(len(others), kept=keep_others))
            self._dropped = () if keep_others else tuple(others)
        stored = self._confirmed_stored_keys(states)
        return RunPlan(planned_lines, selector, self._options.wanted, stored, keep_others)

    async def _rollout_state(self, catalogue: Catalogue) -> RolloutState:
        """The rollout's state as a worker with these settings sees it."""
        seed = rollout_state(self._settings.rollout, catalogue.names)
        if self._settings.rollout.source == "env" or seed.braked:
            return seed
        async with open_log(self._settings.kafka, self._clock) as log:
            await log.read_to_end()
            return seed if log.revisions.current is None else to_state(log.revisions.current)

    def _confirmed_stored_keys(self, states: Sequence[LineState]) -> Collection[str]:
        """Shows the price of the wanted lines and has it confirmed; returns the keys that are stored already.

        Raises:
            UsageError: the price exceeds the budget, or nobody can confirm it.
            Exit: it was declined.
        """
        wanted = self._options.wanted
        outdated = sum(each.status is LineStatus.IN_FLIGHT and each.status_after_job in wanted for each in states)
        if outdated:
            self._output.say(
                f"{outdated:,} of the lines in progress have changed since they were sent: they are made again"
            )
        to_make = [each.planned for each in states if each.status_after_job in wanted]
        found = asyncio.run(self._find_stored(to_make)) if to_make else StoredKeys()
        price = estimate_price(to_make, found.stored)
        self._output.price(price, unknown=len(found.unknown))
        self._expected_dollars = price.dollars
        budget = self._options.budget
        if budget is not None and price.exceeds(budget):
            self._output.refuse(f"{describe_dollars(price)} at list price is more than the budget of {budget:g} USD")
        if to_make and not self._options.dry_run:
            self._confirm(price)
        return found.stored

    async def _find_stored(self, lines: Sequence[PlannedLine]) -> StoredKeys:
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("looking up stored takes") as progress:
                return await stored_keys(store, (planned.key for planned in lines), progress)

    def _confirm(self, price: PriceEstimate) -> None:
        if self._options.yes:
            return
        if not sys.stdin.isatty():
            self._output.refuse("nobody can confirm the price: use --yes to accept it, or --dry-run to see it only")
        if not typer.confirm(f"Speak {price.lines:,} lines?", err=True):
            self._output.say("nothing was sent")
            raise typer.Exit(ExitCode.FAILED)

    def _run_jobs(self, state: WritableBatchState, plan: RunPlan) -> bool:
        """Makes the wanted lines; returns whether a signal stopped the run."""
        runner = BatchRunner(state, plan, self._clock)
        return asyncio.run(self._run_until_signal(runner, state)) if runner.progress.total else False

    async def _run_until_signal(self, runner: BatchRunner, state: WritableBatchState) -> bool:
        signals = ShutdownSignals()
        signals.drain_with(runner.stop)
        try:
            report = RunReport(self._script.name, self._expected_dollars, self._findings, self._clock, runner.progress)
            with show_progress() as observer:
                async with (
                    open_tracing(self._settings) as tracing,
                    reporting(self._settings.kafka, report, lambda: signals.requested),
                ):
                    await run_batch(runner, state, self._settings.kafka, self._clock, observer, tracer=tracing.tracer)
        except asyncio.CancelledError:
            # The second signal.
            return True
        if report.problem:
            self._output.say(f"the console doesn't know of this run's end: {report.problem}")
        return signals.requested

    def _finish(self, state: WritableBatchState, plan: RunPlan, *, stopped: bool) -> ExitCode:
        lines = {planned.line.id for planned in plan.lines}
        failed = self._output.result(state, lines)
        folder = self._options.download
        problems = asyncio.run(self._download(state, lines, folder)) if folder is not None and not stopped else ()
        if stopped:
            self._output.say("stopped; the same command continues where it ended")
            return ExitCode.INTERRUPTED
        if failed:
            self._output.say(
                f"{len(failed):,} lines failed: `chirp-worker batch status` shows why, `batch retry` tries them again"
            )
        states = list(line_states(plan.lines, state.entries, {}, plan.selector))
        for sentence in describe_other_characters(states):
            self._output.say(sentence)
        undone = [each for each in states if each.status in _UNDONE]
        if changed := sum(each.status is not LineStatus.FAILED for each in undone):
            self._output.say(
                f"{changed:,} lines don't have the audio of the present script: run `chirp-worker batch` to make it"
            )
        return ExitCode.FAILED if undone or problems else ExitCode.DONE

    async def _download(self, state: WritableBatchState, lines: Collection[str], folder: Path) -> Collection[str]:
        """Downloads the audio of the lines; returns what went wrong."""
        entries = [entry for line, entry in state.entries.items() if line in lines]
        async with connect_store(self._settings.storage, AT_ONCE) as store:
            with terminal.progress("downloading the audio") as progress:
                result = await download(store, entries, folder, progress)
        self._output.downloaded(folder, result)
        self._output.left_over(await asyncio.to_thread(downloaded_files, self._dropped, folder))
        return result.problems
