"""One run of `chirp-worker batch`, step by step: lint, voices, price, confirmation, jobs, download, exit code."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.batch.downloads import downloaded_files
from worker.batch.entry import ManifestEntry
from worker.batch.line_status import LineState, LineStatus, line_states
from worker.batch.line_takes import LineTakes
from worker.batch.manifest import default_manifest
from worker.batch.price_estimate import estimate_price
from worker.batch.report.rows import script_id
from worker.batch.runner import RunPlan
from worker.batch.scripts.model import Line
from worker.batch.state import BatchState, WritableBatchState, open_state, read_state
from worker.batch.voice_selection import PlannedLine, VoiceSelector
from worker.cli.batch_candidates import RunCandidates, candidates_folder
from worker.cli.batch_check import check_script
from worker.cli.batch_options import BatchOptions
from worker.cli.batch_output import BatchOutput
from worker.cli.batch_steps import BatchSteps
from worker.cli.exit_codes import ExitCode
from worker.cli.login import this_command
from worker.cli.views.batch import describe_other_characters, describe_other_entries
from worker.config.settings import Settings
from worker.rollout.description import describe
from worker.speech.catalogue_file import load_catalogue

_UNDONE: Final = frozenset({LineStatus.NEW, LineStatus.EDITED, LineStatus.FAILED, LineStatus.IN_FLIGHT})


@dataclass(frozen=True)
class _Planned:
    """What a run makes of the lines' own takes, at what price in US dollars."""

    plan: RunPlan
    dollars: float


class Batch:
    """One run of a script, with its manifest."""

    def __init__(self, settings: Settings, script: Path, manifest: Path, options: BatchOptions) -> None:
        self._settings = settings
        self._script = script
        self._manifest = manifest
        self._options = options
        self._output = BatchOutput(as_json=options.as_json)
        self._steps = BatchSteps(settings, script.name, options, self._output)
        self._catalogue = load_catalogue(settings.worker.characters_file)
        takes = LineTakes(self._catalogue, settings.storage.prefix, self._steps.clock.now())
        self._candidates = RunCandidates(manifest, options.takes, takes)
        self._dropped: tuple[ManifestEntry, ...] = ()

    def run(self) -> ExitCode:
        """Runs all steps.

        Returns:
            The exit code: all done, some failed, or stopped.

        Raises:
            UsageError: nothing was sent; the message gives the reason.
        """
        lines, left_out = self._read()
        if self._options.dry_run:
            # Reads alone: a run on this manifest may be under way, and the folder be read-only.
            exit_code = self._preview(read_state(self._manifest), lines, left_out)
        else:
            owner = this_command(self._steps.clock.now())
            with open_state(self._manifest, owner) as state, self._candidates.open(lines, state, owner):
                exit_code = self._run(state, lines, left_out)
        if left_out:
            self._output.say(f"lines with errors, left out: {left_out:,}")
        self._output.finish()
        return exit_code or (ExitCode.FAILED if left_out else ExitCode.DONE)

    def _read(self) -> tuple[list[Line], int]:
        """The lines without errors, and the number of rows with errors."""
        max_text_bytes = self._settings.worker.max_text_bytes
        script = check_script(self._script, max_text_bytes, self._catalogue, self._options.voices.voice_model)
        self._output.findings(script.findings)
        self._steps.findings = len(script.findings)
        self._steps.script_id = script_id(self._script.name, script.lines)
        errors = script.rows_with_errors
        if errors and not self._options.leave_out:
            self._output.refuse(
                f"{self._script}: lines with errors: {len(errors):,}; correct them, or run without them by --leave-out"
            )
        if script.unmended and self._options.strict:
            self._output.refuse(f"{self._script}: {len(script.unmended):,} findings, and --strict allows none")
        good = [line for line in script.lines if (line.place.file, line.place.line) not in errors]
        if not good:
            self._output.refuse(f"{self._script}: has no line to speak")
        return good, len(errors)

    def _preview(self, state: BatchState, lines: Sequence[Line], left_out: int) -> ExitCode:
        if state.in_flight:
            self._output.say(f"{len(state.in_flight):,} jobs are in progress, or were at the last run's end")
        self._plan(state, lines, left_out)
        return ExitCode.DONE

    def _run(self, state: WritableBatchState, lines: Sequence[Line], left_out: int) -> ExitCode:
        self._steps.reconcile(state)
        self._candidates.reconcile(self._steps)
        planned = self._plan(state, lines, left_out)
        self._candidates.keep_replaced(lines, state)
        try:
            stopped = self._steps.run_jobs(state, planned.plan, planned.dollars)
        finally:
            # The manifest gets every known result, also after an error.
            state.write([line.id for line in lines], keep_others=planned.plan.keep_others)
        if not stopped and not self._steps.unsent:
            stopped = self._candidates.make(state, planned.plan, self._steps)
        return self._finish(state, lines, planned.plan, stopped=stopped)

    def _plan(self, state: BatchState, lines: Sequence[Line], left_out: int) -> _Planned:
        """Shows voices, lines and price, and has the price confirmed."""
        rollout = asyncio.run(self._steps.rollout_state(self._catalogue))
        now = self._steps.clock.now()
        selector = VoiceSelector(self._catalogue, rollout, now, self._settings.storage.prefix)
        planned_lines = list(selector.select(self._candidates.as_heard(lines, state), self._options.voices))
        states = list(line_states(planned_lines, state.entries, state.lines_in_flight, selector))
        description = describe(rollout, self._catalogue.names, now)
        together, remake = self._options.voices.for_script(lines), LineStatus.VOICE_CHANGED in self._options.wanted
        self._output.voices(description, together, planned_lines, states, remake=remake)
        # A row with errors, or a file that can't be read, may hold any line: the manifest keeps the other entries then.
        keep_others = left_out > 0
        in_script = {line.id for line in lines}
        self._check_manifest(state, in_script)
        if others := [entry for line, entry in state.entries.items() if line not in in_script]:
            self._output.say(describe_other_entries(len(others), kept=keep_others))
            self._dropped = () if keep_others else tuple(others)
        missing = self._candidates.missing(lines, planned_lines, state, selector)
        stored, dollars = self._confirmed_price(states, missing)
        return _Planned(RunPlan(planned_lines, selector, self._options.wanted, stored, keep_others), dollars)

    def _check_manifest(self, state: BatchState, in_script: Collection[str]) -> None:
        """Refuses a manifest that --manifest names and that is another script's: its entries would be dropped.

        A manifest beside its script is the script's by its name, whatever is left of its lines.

        Raises:
            UsageError: none of its lines is in the script.
        """
        known = state.entries.keys() | state.lines_in_flight.keys()
        if known and self._manifest != default_manifest(self._script) and known.isdisjoint(in_script):
            self._output.refuse(
                f"{self._manifest}: none of its {len(known):,} lines is in {self._script}: it is another script's; "
                "name another --manifest, or move this one away"
            )

    def _confirmed_price(
        self, states: Sequence[LineState], missing: Sequence[PlannedLine]
    ) -> tuple[Collection[str], float]:
        """Shows the price of the wanted lines and of their candidates, and has it confirmed.

        Returns:
            The keys that are stored already, and the price of the lines alone in US dollars.

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
        found = self._steps.find_stored(each.key for each in (*to_make, *missing))
        candidates = self._candidates.limit(to_make, missing, found.stored, self._options.budget)
        price = estimate_price([*to_make, *candidates], found.stored)
        self._output.price(price, unknown=len(found.unknown))
        if missing:
            self._output.candidates_price(len(candidates), len(missing) - len(candidates))
        self._steps.check_budget(price)
        self._steps.confirm(price)
        return found.stored, estimate_price(to_make, found.stored).dollars

    def _finish(self, state: WritableBatchState, lines: Sequence[Line], plan: RunPlan, *, stopped: bool) -> ExitCode:
        failed = self._output.result(state, {line.id for line in lines})
        problems = False if stopped else self._download(state, lines)
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
        if self._steps.unsent:
            self._output.capped(self._steps.spending, self._steps.unsent)
        elif changed := sum(each.status is not LineStatus.FAILED for each in undone):
            self._output.say(
                f"{changed:,} lines don't have the audio of the present script: run `chirp-worker batch` to make it"
            )
        is_whole = self._candidates.finish(self._output)
        return ExitCode.FAILED if undone or problems or self._steps.unsent or not is_whole else ExitCode.DONE

    def _download(self, state: WritableBatchState, lines: Sequence[Line]) -> bool:
        """Downloads the audio of the lines and of their candidates; returns whether something went wrong."""
        folder = self._options.download
        if folder is None:
            return False
        in_script = {line.id for line in lines}
        result = self._steps.download([entry for line, entry in state.entries.items() if line in in_script], folder)
        self._output.downloaded(folder, result)
        self._output.left_over(downloaded_files(self._dropped, folder))
        candidates = self._candidates.current(lines)
        if not candidates:
            return bool(result.problems)
        takes = self._steps.download(candidates, candidates_folder(folder))
        self._output.downloaded(candidates_folder(folder), takes, of="takes")
        return bool(result.problems or takes.problems)
