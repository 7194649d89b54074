"""The candidates of a run of `batch`: planned and priced with the lines, made after them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.batch.candidate_plan import TO_MAKE, missing_candidates, within_budget
from worker.batch.candidates import FOLDER, parse_candidate_id
from worker.batch.entry import ManifestEntry
from worker.batch.known_takes import KnownTakes
from worker.batch.line_status import line_states
from worker.batch.line_takes import LineTakes
from worker.batch.manifest import takes_manifest
from worker.batch.price_estimate import estimate_price
from worker.batch.runner import RunPlan
from worker.batch.scripts.model import Line
from worker.batch.state import BatchState, WritableBatchState, open_state, read_state
from worker.batch.takes_of_line import takes_of_lines
from worker.batch.voice_selection import KeepTogether, PlannedLine, VoicePreference, VoiceSelector
from worker.cli.batch_output import BatchOutput
from worker.cli.batch_steps import BatchSteps


class RunCandidates:
    """The candidates of one run, with their manifest.

    Args:
        manifest: of the script.
        per_line: the number of takes of lines that say none; None for no candidates.
    """

    def __init__(self, manifest: Path, per_line: int | None, takes: LineTakes) -> None:
        self._path = takes_manifest(manifest)
        self._per_line = per_line
        self._takes = takes
        self.state = read_state(self._path)
        self.planned: list[PlannedLine] = []
        self.left_out = 0
        """Candidates that the budget left out."""

    @contextmanager
    def open(self, lines: Sequence[Line], state: BatchState, owner: str) -> Iterator[None]:
        """Opens the candidates' manifest for this process alone, if this run will write it.

        Args:
            owner: what others are shown who are refused meanwhile.

        Raises:
            RefusedError: another command has it open.
        """
        kept = list(self._known(state).replaced(lines))
        if not kept and not self._are_wanted(lines):
            yield
            return
        with open_state(self._path, owner) as self.state:
            yield

    def _are_wanted(self, lines: Sequence[Line]) -> bool:
        if self._per_line is None:
            return False
        return any((self._per_line if line.takes is None else line.takes) > 1 for line in lines)

    def _known(self, state: BatchState) -> KnownTakes:
        return KnownTakes(state.entries, self.state.entries, self._takes)

    def as_heard(self, lines: Sequence[Line], state: BatchState) -> list[Line]:
        """The lines, those with a chosen candidate by the voice model that it was heard with."""
        known = self._known(state)
        return [known.as_heard(line) for line in lines]

    def missing(
        self, lines: Sequence[Line], planned_lines: Sequence[PlannedLine], state: BatchState, selector: VoiceSelector
    ) -> list[PlannedLine]:
        """The candidates that the lines lack and that have no job in flight."""
        if self._per_line is None:
            return []
        missing = missing_candidates(lines, planned_lines, self._known(state), self._per_line)
        # They name their voice model; what keeps lines together is decided already.
        planned = list(selector.select(list(missing), VoicePreference(KeepTogether.LINE)))
        states = line_states(planned, self.state.entries, self.state.lines_in_flight, selector)
        return [each.planned for each in states if each.status_after_job in TO_MAKE]

    def limit(
        self, own: Sequence[PlannedLine], missing: Sequence[PlannedLine], stored: Collection[str], budget: float | None
    ) -> list[PlannedLine]:
        """The candidates that this run makes."""
        self.planned = within_budget(own, missing, stored, budget)
        self.left_out = len(missing) - len(self.planned)
        return self.planned

    def keep_replaced(self, lines: Sequence[Line], state: BatchState) -> None:
        """Keeps the lines' takes that choices replace, before their entries in the script's manifest are replaced."""
        kept = list(self._known(state).replaced(lines))
        if kept and isinstance(self.state, WritableBatchState):
            self.state.record_ended(kept, self.state.positions.completions)
            self.state.write((), keep_others=True)

    def reconcile(self, steps: BatchSteps) -> None:
        """Finds out how the candidates' jobs ended that were in flight when the last command ended."""
        if isinstance(self.state, WritableBatchState):
            steps.reconcile(self.state)

    def make(self, state: BatchState, own: RunPlan, steps: BatchSteps) -> bool:
        """Makes the candidates of the lines that have audio; returns whether a signal stopped it.

        Args:
            state: of the script's manifest, after its run.
            own: the plan of that run.
        """
        if not isinstance(self.state, WritableBatchState):
            return False
        done = {line for line, entry in state.entries.items() if entry.is_done}
        lines = [each for each in self.planned if _line_of(each.line.id) in done]
        known = {*own.stored, *(entry.key for entry in state.entries.values() if entry.is_done)}
        plan = RunPlan(lines, own.selector, TO_MAKE, known, keep_others=True)
        try:
            return steps.run_jobs(self.state, plan, estimate_price(lines, known).dollars)
        finally:
            self.state.write((), keep_others=True)

    def finish(self, output: BatchOutput) -> bool:
        """Shows how they ended; returns whether all of them are made."""
        made = sum(self._is_made(each) for each in self.planned)
        output.candidates(made, len(self.planned) - made, self.left_out)
        return made == len(self.planned)

    def current(self, lines: Sequence[Line]) -> list[ManifestEntry]:
        """The candidates of the lines as they are now, which have audio."""
        takes = takes_of_lines(lines, {}, self.state.entries, self._takes)
        return [each.entry for of_line in takes.values() for each in of_line]

    def _is_made(self, planned: PlannedLine) -> bool:
        entry = self.state.entries.get(planned.line.id)
        return entry is not None and entry.is_done and planned.key in {entry.key, entry.asked}


def candidates_folder(download: Path) -> Path:
    """The folder of candidates' audio within that of `--download`."""
    return download / FOLDER


def _line_of(name: str) -> str:
    parsed = parse_candidate_id(name)
    return parsed[0] if parsed else ""
