"""Evaluates the listeners' votes on a character: status, numbers, and a sentence for people. Pure."""

from dataclasses import replace

from worker.rollout.analysis.preferences import Decision, Outcome, Preference
from worker.rollout.analysis.verdict import Criterion, Status, Verdict
from worker.rollout.analysis.wording import percent_beside


def evaluate_preference(criterion: Criterion, preference: Preference) -> Verdict:
    """Evaluate listeners' votes on a character: the share of "preferred or equal" is the value, the margin the limit.

    Args:
        criterion: of a gate; its own `min_sample` is in votes.
        preference: the character's votes, by the gate's margin.
    """
    margin, votes = criterion.condition.margin, preference.votes
    if votes < (criterion.condition.min_sample or 1):
        return replace(
            criterion.no_data_verdict("no votes yet" if not votes else f"{votes} votes so far"), limit=margin
        )
    counts = preference.counts
    shown_limit, shown_share = percent_beside(margin, preference.share, decimals=1)
    figures = (
        f"{shown_share} of {votes:,} votes prefer Chirp or hear no difference ({counts[Outcome.CHIRP]} Chirp, "
        f"{counts[Outcome.EQUAL]} equal, {counts[Outcome.WAVENET]} WaveNet)"
    )
    message, status = {
        Decision.NO_WORSE: (f"shown to be over {shown_limit} after {preference.decided_after} votes", Status.PASS),
        Decision.WORSE: (f"WaveNet is shown to be preferred after {preference.decided_after} votes", Status.FAIL),
        Decision.OPEN: (f"neither shown to be over {shown_limit} nor to be worse yet", Status.HOLD),
    }[preference.decision]
    wording = f"{figures}; {message}"
    return criterion.verdict(status, wording, value=preference.share, limit=margin, sample=votes)
