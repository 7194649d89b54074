"""The staging plan from its first stage to its last, with short days: who heard Chirp in each stage, and why."""

import asyncio
import math
from collections import defaultdict

import pytest

from schemas.completion import Completion
from schemas.enums import Phase, VoiceModel
from schemas.topics import COMPLETIONS
from tests.faults.campaign import report
from tests.faults.rollouts import NAMES, rolling_out
from tests.faults.scale import SCALE, SMALL
from worker.rollout.decision import DecisionRequest, decide
from worker.rollout.log.codec import to_state
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan

JOBS_A_SECOND = 40
DAY = "60s"
PLAN_S = 2400
STANDARD_ERRORS = 3
QUESTIONS = {
    stage.name: [each.name for each in stage.approvals]
    for stage in parse_plan(read_plan_file("staging")[1], "staging", frozenset(NAMES)).plan.stages
}
# Two lines of three are pip_boy's: alone it must make the sample of the first stages.
SPEAKERS = [*NAMES, *["pip_boy"] * 2 * len(NAMES)]


async def answer_all(rollout) -> None:
    """Says yes to each question, once its stage runs."""
    for stage, names in QUESTIONS.items():
        await rollout.until(lambda each, s=stage: each.run is not None and each.run.stage == s, PLAN_S)
        for name in names:
            await rollout.cli("approve", name, "--actor", "anna", "--reason", "listened to it")


@pytest.mark.skipif(SCALE is SMALL, reason="three weeks of a minute a day: with FAULTS=full")
async def test_the_staging_plan_runs_to_its_end(deployment):
    async with rolling_out(deployment, JOBS_A_SECOND, SPEAKERS) as rollout:
        await rollout.cli("start", "staging", "--day", DAY, "--yes", "--actor", "anna")
        answering = asyncio.create_task(answer_all(rollout))
        await rollout.until(lambda each: each.run is not None and each.run.phase is Phase.DONE, PLAN_S)
        await answering
        revisions = list(rollout.revisions)
    stages = [each.run.stage for each in revisions if each.run is not None]
    assert list(dict.fromkeys(stages)) == list(QUESTIONS)
    records = await deployment.read(COMPLETIONS, 1)
    completions = [Completion.model_validate_json(record.value) for record in records]
    users = users_of(deployment, completions)
    check_decisions(completions, users, revisions)
    check_shares(completions, users, revisions)


def users_of(deployment, completions) -> dict[str, str]:
    """The user of each job: traffic is a function of its number."""
    from loadtest.stack.traffic import Flow  # noqa: PLC0415

    last = max(int(each.job_id.rsplit("-", 1)[1]) for each in completions)
    jobs = Flow(deployment.name, JOBS_A_SECOND, SPEAKERS).jobs()
    return {job["job_id"]: job["user_id"] for job, _ in zip(jobs, range(last + 1), strict=False)}


def check_decisions(completions, users, revisions) -> None:
    """Each completion's decision is the pure function's, by the revision that it names."""
    states = {each.revision: (to_state(each), each.time) for each in revisions}
    for each in completions:
        state, time = states[each.decision.revision]
        request = DecisionRequest(each.character, users[each.job_id], chirp_speaks_language=True)
        decision = decide(state, request, time)
        reported = (each.decision.voice_model, each.decision.reason, each.decision.bucket)
        assert reported == (decision.voice_model, decision.reason, decision.bucket)


def check_shares(completions, users, revisions) -> None:
    """Of each stage's and character's users the stage's percentage hears Chirp; a user counts once."""
    by_revision = {each.revision: each for each in revisions}
    heard: defaultdict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for each in completions:
        revision = by_revision[each.decision.revision]
        if revision.run is not None and revision.enabled:
            chirp = each.decision.voice_model is VoiceModel.CHIRP3_HD
            heard[revision.run.stage, each.character][users[each.job_id]] = chirp
    reported, off = {}, []
    for (stage, character), by_user in sorted(heard.items()):
        revision = next(each for each in revisions if each.run is not None and each.run.stage == stage)
        listed = revision.characters is None or character in revision.characters
        share = revision.percentage / 10_000 if listed else 0.0
        n, got = len(by_user), sum(by_user.values())
        error = math.sqrt(share * (1 - share) / n)
        if listed:
            reported[f"{stage} {character}"] = f"{got / n:.1%} of {n} users, {share:.0%} asked"
        if abs(got / n - share) > STANDARD_ERRORS * error + 1e-12:
            off.append((stage, character, got, n, share))
    report(f"1. the staging plan with days of {DAY}: {len(completions)} completions", **reported)
    assert off == []
