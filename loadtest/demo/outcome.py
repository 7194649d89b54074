"""Whether the run showed what the script is for."""

from collections.abc import Iterator, Mapping, Sequence

from loadtest.demo.queries import totals_of
from loadtest.demo.script import Line
from loadtest.stack.counters import Counters
from schemas.completion import Completion
from schemas.enums import JobStatus


def problems_of(lines: Sequence[Line], completions: Mapping[str, Completion], run: Counters | None) -> list[str]:
    """What went otherwise than the script means it, a sentence each; a fallback more than meant is none.

    Args:
        lines: the script.
        completions: of all of its lines.
        run: the worker's counters over the run; None if they count other jobs too.
    """
    problems = [problem for line in lines if (problem := _problem(line, completions[line.job_id]))]
    return problems if run is None else [*problems, *_miscounts(completions, run)]


def _miscounts(completions: Mapping[str, Completion], run: Counters) -> Iterator[str]:
    totals = totals_of(run)
    attempts = sum(len(completion.attempts) for completion in completions.values())
    if attempts != totals.attempts:
        yield f"the completions list {attempts} attempts, and the worker's metrics count {totals.attempts}"
    fallbacks = sum(completion.fallback for completion in completions.values())
    if fallbacks != totals.fallbacks:
        yield f"the completions list {fallbacks} fallbacks, and the worker's metrics count {totals.fallbacks}"


def _problem(line: Line, completion: Completion) -> str | None:
    if completion.status is not JobStatus.DONE or completion.audio is None:
        why = completion.error.message if completion.error else "no reason given"
        return f"{line.job_id} is {completion.status}: {why}"
    if line.falls_back and not completion.fallback:
        return f"{line.job_id} was to fall back to WaveNet, and {completion.voice_model} spoke it"
    if line.after is not None and not completion.audio.cached:
        return f"{line.job_id} is {line.after} once more, and was not found in the store"
    return None
