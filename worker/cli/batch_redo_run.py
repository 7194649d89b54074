"""One run of `batch redo`, step by step: which lines, which numbers, price, confirmation, jobs, choices, download."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.enums import VoiceModel
from schemas.errors import UsageError
from worker.batch.candidate_plan import TO_MAKE
from worker.batch.candidates import parse_candidate_id
from worker.batch.choice import Choice
from worker.batch.choices import choices_path, choose
from worker.batch.known_takes import KnownTakes
from worker.batch.line_status import line_states
from worker.batch.line_takes import LineTakes
from worker.batch.manifest import takes_manifest
from worker.batch.price_estimate import estimate_price
from worker.batch.redo_plan import (
    LastRedo,
    Rejected,
    continued_numbers,
    new_candidates,
    next_numbers,
    rejected_by_verdicts,
    rejected_lines,
    unserved,
)
from worker.batch.runner import RunPlan
from worker.batch.scripts.model import Line
from worker.batch.state import BatchState, WritableBatchState, open_state, read_state
from worker.batch.takes_of_line import takes_of_lines
from worker.batch.verdicts import read_verdicts
from worker.batch.voice_selection import KeepTogether, PlannedLine, VoicePreference, VoiceSelector
from worker.cli.batch_candidates import candidates_folder
from worker.cli.batch_check import check_script
from worker.cli.batch_options import RedoOptions
from worker.cli.batch_output import BatchOutput
from worker.cli.batch_steps import BatchSteps
from worker.cli.exit_codes import ExitCode
from worker.cli.login import login_name, this_command
from worker.cli.views.takes import redone_rows
from worker.config.settings import Settings
from worker.speech.catalogue_file import load_catalogue


@dataclass(frozen=True)
class _Redone:
    """The lines to redo, all new takes of theirs, and what is missing of these, at what price in US dollars."""

    rejected: list[Rejected]
    planned: list[PlannedLine]
    plan: RunPlan
    dollars: float


class Redo:
    """The next takes of some lines of a script."""

    def __init__(self, settings: Settings, script: Path, manifest: Path, options: RedoOptions) -> None:
        if not options.lines and options.verdicts is None:
            raise UsageError("say which lines: their ids, or a file of verdicts with --verdicts")
        self._settings = settings
        self._script = script
        self._options = options
        self._output = BatchOutput(as_json=options.as_json)
        self._steps = BatchSteps(settings, f"{script.name} (takes)", options, self._output)
        self._catalogue = load_catalogue(settings.worker.characters_file)
        self._keys = LineTakes(self._catalogue, settings.storage.prefix, self._steps.clock.now())
        self._own = read_state(manifest).entries
        self._path = takes_manifest(manifest)
        read = check_script(script, settings.worker.max_text_bytes, self._catalogue)
        wrong = read.rows_with_errors
        self._lines = {each.id: each for each in read.lines if (each.place.file, each.place.line) not in wrong}
        self._steps.findings = len(read.findings)

    def run(self) -> ExitCode:
        """Runs all steps.

        Returns:
            The exit code: all made, some not, or stopped.

        Raises:
            UsageError: nothing was sent; the message gives the reason.
        """
        if self._options.dry_run:
            self._plan(read_state(self._path))
            exit_code = ExitCode.DONE
        else:
            with open_state(self._path, this_command(self._steps.clock.now())) as state:
                self._steps.reconcile(state)
                exit_code = self._make(state)
        self._output.finish()
        return exit_code

    def _make(self, state: WritableBatchState) -> ExitCode:
        redone = self._plan(state)
        if not redone.rejected:
            return ExitCode.DONE
        kept = [entry for each in redone.rejected for entry in self._known(state).kept(each.line)]
        if kept:
            state.record_ended(kept, state.positions.completions)
        names = [each.line.id for each in redone.planned]
        if set(names) != set(state.asked):
            marks = {each.line.id: each.verdict for each in redone.rejected if each.verdict}
            state.record_asked(names, {name: marks[line] for name in names if (line := _line_of(name)) in marks})
        try:
            stopped = self._steps.run_jobs(state, redone.plan, redone.dollars)
        finally:
            state.write((), keep_others=True)
        return self._finish(state, redone, stopped=stopped)

    def _plan(self, state: BatchState) -> _Redone:
        """The lines and their new takes, whose price is shown and confirmed."""
        rejected = self._rejected(state)
        selector = self._selector()
        planned = list(selector.select(self._new(rejected, state), VoicePreference(KeepTogether.LINE)))
        missing = [each for each in planned if not _is_made(each, state)]
        states = line_states(missing, state.entries, state.lines_in_flight, selector)
        to_make = [each.planned for each in states if each.status_after_job in TO_MAKE]
        same = sum(each.voice.voice_model is VoiceModel.WAVENET for each in to_make)
        if same:
            self._output.say(
                f"{same:,} of the new takes are WaveNet's, which repeats itself exactly: they will sound the same; "
                "change the text, rate or pitch, or use --voice-model chirp3-hd"
            )
        found = self._steps.find_stored(each.key for each in to_make)
        price = estimate_price(to_make, found.stored)
        self._output.price(price, unknown=len(found.unknown))
        self._steps.check_budget(price)
        self._steps.confirm(price, "takes")
        plan = RunPlan(missing, selector, TO_MAKE, found.stored, keep_others=True)
        return _Redone(rejected, planned, plan, price.dollars)

    def _rejected(self, state: BatchState) -> list[Rejected]:
        """The lines to redo, each once."""
        known, last = self._known(state), _last(state)
        rejected = rejected_lines(self._options.lines, self._lines, known)
        if self._options.verdicts is not None:
            verdicts = read_verdicts(self._options.verdicts)
            more, sentences = rejected_by_verdicts(verdicts, self._lines, known, last)
            named = {each.line.id for each in rejected}
            rejected += [each for each in more if each.line.id not in named]
            rejected, served = unserved(rejected, self._options.takes, last)
            for sentence in (*sentences, *served):
                self._output.say(sentence)
        if not rejected:
            self._output.say("no line is to be redone")
        return rejected

    def _new(self, rejected: Sequence[Rejected], state: BatchState) -> list[Line]:
        """The candidates to make: those that an interrupted command has left, or each line's next ones."""
        known, last, count = self._known(state), _last(state), self._options.takes
        numbers = continued_numbers(rejected, count, last)
        if numbers is None:
            stored = self._stored_numbers([each.line for each in rejected], known)
            numbers = {
                each.line.id: next_numbers(each.line, known, stored[each.line.id], last, count) for each in rejected
            }
        else:
            self._output.say("the last redo of these lines didn't come to its end, and goes on")
        return new_candidates(rejected, numbers, known, self._options.voice_model)

    def _stored_numbers(self, lines: Sequence[Line], known: KnownTakes) -> dict[str, list[int]]:
        """The numbers of takes that the store has, by line: `takes redo` and other scripts make some too."""
        keys: dict[str, dict[str, int]] = {}
        for line in lines:
            model = self._options.voice_model or known.model(line)
            keys[line.id] = self._keys.numbers_by(line, model) if model else {}
        found = self._steps.find_stored(key for of_line in keys.values() for key in of_line).stored
        return {line: [number for key, number in of_line.items() if key in found] for line, of_line in keys.items()}

    def _known(self, state: BatchState) -> KnownTakes:
        return KnownTakes(self._own, state.entries, self._keys)

    def _selector(self) -> VoiceSelector:
        rollout = asyncio.run(self._steps.rollout_state(self._catalogue))
        return VoiceSelector(self._catalogue, rollout, self._steps.clock.now(), self._settings.storage.prefix)

    def _finish(self, state: WritableBatchState, redone: _Redone, *, stopped: bool) -> ExitCode:
        missing = sum(not _is_made(each, state) for each in redone.planned)
        self._output.takes(redone_rows(redone.planned, state.entries))
        if stopped:
            self._output.say("stopped; the same command continues where it ended")
            return ExitCode.INTERRUPTED
        if self._options.use:
            self._use(state, redone)
        problems = self._download(state, [each.line for each in redone.rejected])
        if self._steps.unsent:
            self._output.capped(self._steps.spending, self._steps.unsent)
        elif missing:
            self._output.say(f"{missing:,} takes weren't made; the same command tries them again")
        else:
            # From here on the same command is another redo.
            state.record_asked((), {})
        return ExitCode.FAILED if missing or problems else ExitCode.DONE

    def _use(self, state: BatchState, redone: _Redone) -> None:
        """Chooses the last new take of each line."""
        chosen: dict[str, int] = {}
        for each in redone.planned:
            if _is_made(each, state):
                line = _line_of(each.line.id)
                chosen[line] = max(each.job.take, chosen.get(line, 0))
        if chosen:
            path = choices_path(self._script)
            choose(path, {line: Choice(number, login_name()) for line, number in chosen.items()})
            self._output.chosen(path, chosen)

    def _download(self, state: BatchState, lines: Sequence[Line]) -> bool:
        """Downloads all candidates of the lines; returns whether something went wrong."""
        if self._options.download is None:
            return False
        takes = takes_of_lines(lines, {}, state.entries, self._keys)
        folder = candidates_folder(self._options.download)
        result = self._steps.download([each.entry for of_line in takes.values() for each in of_line], folder)
        self._output.downloaded(folder, result, of="takes")
        return bool(result.problems)


def _last(state: BatchState) -> LastRedo:
    return LastRedo(state.asked, state.served, state.lines_in_flight.keys())


def _line_of(name: str) -> str:
    return (parse_candidate_id(name) or ("", 0))[0]


def _is_made(planned: PlannedLine, state: BatchState) -> bool:
    """Whether a candidate has audio, as the workers made it: by a fallback, or by another characters file, too."""
    entry = state.entries.get(planned.line.id)
    return entry is not None and entry.is_done and planned.key in {entry.key, entry.asked}
