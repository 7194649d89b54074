"""What gates and rules say of what was counted."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import DecisionReason, VoiceModel
from tests.unit.attempts import BEGAN, CHIRP, CONTROL, FAILED, MINUTE, WINDOW, attempt, measure
from worker.rollout.analysis.comparisons import Comparisons
from worker.rollout.analysis.evaluate_query import QueryResult
from worker.rollout.analysis.preferences import Votes
from worker.rollout.analysis.stage_evaluation import LAST_TENTH, STAGE, Round, evaluate_stage, violated_rules
from worker.rollout.analysis.verdict import Status, Verdict
from worker.rollout.plan.model import Plan

HOUR = timedelta(hours=1)
OWNERS = {
    "gates": [{"measure": "error_rate", "limit": 0.05}, {"measure": "mean_time", "limit": 2}],
    "roll_back": {
        "at_once": [{"measure": "error_rate", "limit": 0.10}, {"measure": "mean_time", "limit": 5}],
        "step": [{"measure": "error_rate", "limit": 0.05}],
        "character": [{"measure": "error_rate", "limit": 0.10}],
    },
}


def plan_of(**fields: object) -> Plan:
    stages = [
        {"name": name, "percentage": percentage, "characters": "all", "at_least": "1h"}
        for name, percentage in (("10", 10), ("50", 50))
    ]
    return Plan.model_validate({"version": 1, "name": "test", "stages": stages, **OWNERS, **fields})


def judged(
    plan: Plan,
    *attempts,
    until=HOUR,
    answers=None,
    hears=("pip_boy",),
    starts=None,
    isolated=frozenset(),
    votes: Votes | None = None,
):
    readings = measure(*attempts, until=until)
    stage = plan.stages[0]
    comparisons = Comparisons(plan, stage, hears)
    comparisons.update(readings, hears, starts or {})
    return evaluate_stage(
        Round(plan, stage, readings, comparisons, votes or Votes(), answers or {}, hears, starts or {}, isolated)
    )


def some(good: int, bad: int = 0, after=MINUTE, **fields: object) -> list:
    """Attempts spread over the minutes after one."""
    made = [attempt(after + number % 4 * MINUTE, **fields) for number in range(good)]
    return made + [attempt(after + number % 4 * MINUTE, **{**FAILED, **fields}) for number in range(bad)]


def one(judgements, title: str, window: str, use: str = "gate", character: str | None = None) -> Verdict:
    (found,) = (
        each
        for each in judgements
        if (each.title, each.window, each.use, each.character) == (title, window, use, character)
    )
    return found


def lately(count: int, bad: int = 0) -> list:
    return some(count, bad, after=55 * MINUTE)


def test_a_rate_that_is_shown_to_be_low_passes():
    found = judged(plan_of(), *some(200), *lately(30))
    assert one(found.gates, "error_rate", STAGE).status is Status.PASS
    assert one(found.gates, "error_rate", LAST_TENTH).status is Status.PASS


def test_a_rate_in_the_band_holds_and_rolls_nothing_back():
    found = judged(plan_of(), *some(185, 15))
    assert one(found.gates, "error_rate", STAGE).status is Status.HOLD
    assert violated_rules(found.rules, "at_once") == ()
    assert violated_rules(found.rules, "step") == ()


def test_a_sample_that_is_too_small_holds_though_nothing_failed():
    judgement = one(judged(plan_of(), *some(99)).gates, "error_rate", STAGE)
    assert (judgement.status, judgement.sample) == (Status.HOLD, 99)
    assert "99 of 100" in judgement.message


@pytest.mark.parametrize("policy", ["hold", "pass", "fail"])
def test_a_gate_says_itself_what_too_small_a_sample_means(policy):
    plan = plan_of(gates=[{"measure": "error_rate", "limit": 0.05, "no_data": policy}])
    assert one(judged(plan).gates, "error_rate", STAGE).status == policy


def test_a_bad_last_tenth_does_not_hide_in_a_good_stage():
    found = judged(plan_of(), *some(2000), *lately(20, 8))
    assert one(found.gates, "error_rate", STAGE).status is Status.PASS
    assert one(found.gates, "error_rate", LAST_TENTH).status is Status.FAIL


def test_errors_over_the_limit_turn_off_at_once_by_the_short_window_alone():
    found = judged(plan_of(), *some(5000), *lately(15, 15))
    assert [(each.title, each.window) for each in violated_rules(found.rules, "at_once")] == [("error_rate", "5m")]


def test_a_step_back_takes_both_windows():
    after_a_good_hour = judged(plan_of(), *some(5000), *lately(140, 20))
    assert violated_rules(after_a_good_hour.rules, "step") == ()
    all_the_time = judged(plan_of(), *some(900, 100), *lately(140, 20))
    assert {each.window for each in violated_rules(all_the_time.rules, "step")} == {"5m", "1h"}


BOTH = ("pip_boy", "ghoul")
ILL_GHOUL = some(0, 100, character="ghoul", after=55 * MINUTE)


def test_one_broken_character_is_no_reason_for_a_step_back_of_the_others():
    found = judged(plan_of(), *lately(900), *ILL_GHOUL, hears=BOTH)
    assert {each.character for each in violated_rules(found.rules, "character")} == {"ghoul"}
    assert violated_rules(found.rules, "step") == ()
    step = one(found.rules, "error_rate", "5m", "step")
    assert (step.status, step.sample) == (Status.PASS, 900)


def test_the_others_still_step_back_by_their_own_failures():
    found = judged(plan_of(), *lately(930, 70), *ILL_GHOUL, hears=BOTH)
    assert {each.sample for each in violated_rules(found.rules, "step")} == {1000}


def test_failures_of_all_characters_are_a_step_back():
    found = judged(plan_of(), *lately(50, 50), *ILL_GHOUL, hears=BOTH)
    assert {each.sample for each in violated_rules(found.rules, "step")} == {200}


def test_a_character_rule_in_a_dry_run_isolates_nobody():
    plan = plan_of(
        roll_back={
            "step": [{"measure": "error_rate", "limit": 0.05}],
            "character": [{"measure": "error_rate", "limit": 0.10, "dry_run": True}],
        }
    )
    found = judged(plan, *lately(900), *ILL_GHOUL, hears=BOTH)
    assert {each.sample for each in violated_rules(found.rules, "step")} == {1000}


def test_one_broken_character_still_turns_chirp_off_above_the_limit_for_at_once():
    found = judged(plan_of(), *lately(400), *ILL_GHOUL, hears=BOTH)
    assert violated_rules(found.rules, "at_once")


def test_failures_from_before_a_quarantine_are_no_reason_for_a_step_back():
    found = judged(plan_of(), *lately(900), *ILL_GHOUL, hears=("pip_boy",), isolated=frozenset({"ghoul"}))
    assert violated_rules(found.rules, "step") == ()


def test_after_a_quarantine_only_what_came_later_counts_for_a_step_back():
    begins = {"ghoul": BEGAN + 59 * MINUTE}
    again = [attempt(59 * MINUTE, character="ghoul") for _ in range(30)]
    found = judged(plan_of(), *lately(900), *ILL_GHOUL, *again, hears=BOTH, starts=begins)
    step = one(found.rules, "error_rate", "5m", "step")
    assert (step.status, step.sample) == (Status.PASS, 930)


def test_a_character_in_its_second_quarantine_counts_nothing_for_a_step_back():
    begins = {"ghoul": BEGAN + 57 * MINUTE}
    again = [attempt(58 * MINUTE, **FAILED, character="ghoul") for _ in range(100)]
    found = judged(plan_of(), *lately(900), *again, hears=("pip_boy",), starts=begins, isolated=frozenset({"ghoul"}))
    step = one(found.rules, "error_rate", "5m", "step")
    assert (step.status, step.sample) == (Status.PASS, 900)


def test_a_quarantine_that_ended_long_ago_leaves_the_window_as_it_is():
    before = some(100, after=50 * MINUTE, character="ghoul")
    found = judged(plan_of(), *lately(900), *before, hears=BOTH, starts={"ghoul": BEGAN + 10 * MINUTE})
    assert one(found.rules, "error_rate", "5m", "step").sample == 900


def test_two_failures_of_five_roll_nothing_back():
    found = judged(plan_of(), *lately(3, 2))
    assert violated_rules(found.rules, "at_once") == ()


@pytest.mark.parametrize(("bad", "verdict"), [(1, Status.HOLD), (6, Status.HOLD), (7, Status.FAIL)])
def test_a_roll_back_takes_seven_failures_though_all_attempts_fail(bad, verdict):
    judgement = one(judged(plan_of(), *lately(0, bad)).rules, "error_rate", "5m", "at_once")
    assert judgement.status is verdict
    assert ("a roll-back needs 7" in judgement.message) is (verdict is Status.HOLD)


def test_fallbacks_are_held_against_wavenets_errors():
    rule = {"measure": "fallback_rate", "limit": 0.20, "when_control_fails": "hold"}
    plan = plan_of(roll_back={"at_once": [rule]})
    ill = lately(50, 50)
    assert violated_rules(judged(plan, *ill).rules, "at_once")
    both = judged(plan, *ill, *some(50, 50, after=55 * MINUTE, **{**CONTROL, "falls_back": False}))
    assert violated_rules(both.rules, "at_once") == ()


def test_where_wavenet_speaks_nothing_the_comparison_passes_and_says_so():
    plan = plan_of(gates=[{"measure": "errors_against_control"}])
    judgement = one(judged(plan, *some(200)).gates, "errors_against_control", STAGE)
    assert judgement.status is Status.PASS
    assert "no control: WaveNet has no attempts" in judgement.message


def test_a_character_with_few_lines_holds_nobody():
    rare = some(0, 3, character="ghoul")
    found = judged(plan_of(), *some(2000), *rare, hears=("pip_boy", "ghoul"))
    assert {each.character for each in found.gates} == {None}
    often = some(0, 100, character="ghoul")
    found = judged(plan_of(), *some(2000), *often, hears=("pip_boy", "ghoul"))
    assert {(each.character, each.status) for each in found.gates if each.character} == {("ghoul", Status.FAIL)}


def test_one_broken_character_is_named_and_the_others_are_not():
    found = judged(
        plan_of(), *lately(300), *some(5, 25, after=55 * MINUTE, character="ghoul"), hears=("pip_boy", "ghoul")
    )
    assert {each.character for each in violated_rules(found.rules, "character")} == {"ghoul"}


def test_a_character_that_comes_back_is_judged_by_what_came_since():
    bad = some(5, 25, after=50 * MINUTE, character="ghoul")
    found = judged(plan_of(), *bad, hears=("ghoul",), starts={"ghoul": BEGAN + 56 * MINUTE})
    assert violated_rules(found.rules, "character") == ()


def test_the_mean_time_is_judged_by_its_bounds():
    slow = judged(plan_of(), *some(100, seconds=6.0), *[attempt(seconds=6.5) for _ in range(20)])
    assert one(slow.rules, "mean_time", "1h", "at_once").status is Status.FAIL
    between = judged(plan_of(), *some(200, seconds=3.0))
    assert one(between.gates, "mean_time", STAGE).status is not Status.PASS
    assert violated_rules(between.rules, "at_once") == ()


SKIPPED = {**FAILED, "called": False, "seconds": 0.0}


def test_attempts_that_made_no_call_are_failures_and_no_quick_ones():
    times = [{"measure": "mean_time", "limit": 2}, {"measure": "p95_time", "limit": 2}]
    plan = plan_of(gates=[*times, OWNERS["gates"][0]])
    attempts = [*some(160, seconds=3.0), *some(600, **SKIPPED)]
    found = judged(plan, *attempts)
    mean, p95 = one(found.gates, "mean_time", STAGE), one(found.gates, "p95_time", STAGE)
    assert (mean.value, mean.sample, p95.value, p95.sample) == (pytest.approx(3.0), 160, 1.0, 160)
    assert one(found.gates, "error_rate", STAGE).value == pytest.approx(600 / 760)
    nobody_asked = judged(plan, *some(600, **SKIPPED))
    assert one(nobody_asked.gates, "mean_time", STAGE).status is not Status.PASS


def test_slower_than_the_control_is_judged_by_the_calls_that_were_made():
    plan = plan_of(roll_back={"step": [{"measure": "slow_against_control"}]})
    attempts = [*some(30, seconds=1.0), *some(300, **SKIPPED), *some(100, seconds=1.0, **CONTROL)]
    comparisons = Comparisons(plan, plan.stages[0], [])
    comparisons.update(measure(*attempts), [], {})
    compared = comparisons.find(plan.roll_back.step[0].measure, None)
    assert (compared.totals.chirp, compared.totals.control) == (30, 100)


def test_when_wavenet_fails_as_much_the_message_says_so_and_a_plan_may_hold():
    ill = [*lately(70, 30), *some(70, 30, after=55 * MINUTE, **{**CONTROL, "falls_back": False})]
    by_the_owner = violated_rules(judged(plan_of(), *ill).rules, "at_once")
    assert by_the_owner
    assert all("WaveNet fails as much" in each.message for each in by_the_owner)
    rule = {"measure": "error_rate", "limit": 0.10, "when_control_fails": "hold"}
    careful = judged(plan_of(roll_back={"at_once": [rule]}), *ill)
    assert violated_rules(careful.rules, "at_once") == ()
    assert "WaveNet fails as much" in one(careful.rules, "error_rate", "5m", "at_once").message


def test_a_comparison_alarms_when_chirp_is_worse_and_not_when_both_are_ill():
    rule = {"roll_back": {"step": [{"measure": "errors_against_control"}]}}
    worse = [each for n in range(11) for each in (*some(60, 40, n * WINDOW), *some(98, 2, n * WINDOW, **CONTROL))]
    same = [each for n in range(11) for each in (*some(60, 40, n * WINDOW), *some(60, 40, n * WINDOW, **CONTROL))]
    assert [each.title for each in violated_rules(judged(plan_of(**rule), *worse).rules, "step")] == [
        "errors_against_control"
    ]
    assert violated_rules(judged(plan_of(**rule), *same).rules, "step") == ()


ERRORS, SLOW = {"measure": "errors_against_control"}, {"measure": "slow_against_control"}


@pytest.mark.parametrize(
    ("rules", "of_all", "of_each"),
    [
        ({"step": [ERRORS, SLOW], "character": [ERRORS]}, 4, 28),
        ({"step": [ERRORS], "character": [ERRORS, SLOW]}, 2, 56),
        ({"step": [ERRORS]}, 1, None),
        ({"character": [ERRORS]}, None, 14),
    ],
)
def test_those_of_all_have_one_half_of_the_plans_alpha_and_the_characters_the_other(rules, of_all, of_each):
    plan, names = plan_of(roll_back=rules), [f"one-{number}" for number in range(14)]
    comparisons = Comparisons(plan, plan.stages[0], names)
    for character, sharing in ((None, of_all), (names[0], of_each)):
        if sharing is not None:
            assert comparisons.threshold(character) == pytest.approx(2016 * sharing / 0.01)


def test_late_attempts_are_compared_as_if_they_had_come_in_time():
    plan = plan_of(roll_back={"step": [{"measure": "errors_against_control"}]})
    attempts = [each for n in range(6) for each in (*some(60, 40, n * WINDOW), *some(98, 2, n * WINDOW, **CONTROL))]
    in_time, late = measure(*attempts), measure(*attempts[:-50])
    evidence = []
    for readings in (in_time, late):
        comparisons = Comparisons(plan, plan.stages[0], [])
        comparisons.update(readings, [], {})
        for each in attempts[-50:]:
            readings._counts.add(each, 1, each.ended_at)
        readings.settle(BEGAN + HOUR)
        comparisons.update(readings, [], {})
        evidence.append(comparisons.find(plan.roll_back.step[0].measure, None).test.evidence)
    assert evidence[0] == pytest.approx(evidence[1])


QUERY = {"measure": "query", "name": "complaints", "query": "sum(complaints)", "limit": 3}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (QueryResult(2.0), Status.PASS),
        (QueryResult(4.0), Status.FAIL),
        (QueryResult(None), Status.HOLD),
        (QueryResult(None, "down", 1), Status.HOLD),
        (QueryResult(None, "down", 4), Status.ERROR),
        (None, Status.HOLD),
    ],
)
def test_a_query_that_fails_holds_and_is_told_after_some_times(answer, verdict):
    answers = {} if answer is None else {"sum(complaints)": answer}
    assert one(judged(plan_of(gates=[QUERY]), answers=answers).gates, "complaints", "now").status is verdict


def test_a_query_that_fails_never_rolls_back():
    answers = {"sum(complaints)": QueryResult(None, "down", 100)}
    assert violated_rules(judged(plan_of(roll_back={"at_once": [QUERY]}), answers=answers).rules, "at_once") == ()


def test_a_dry_run_is_shown_and_decides_nothing():
    rule = {"measure": "error_rate", "limit": 0.10, "dry_run": True}
    found = judged(plan_of(roll_back={"at_once": [rule]}), *lately(50, 50))
    assert one(found.rules, "error_rate", "5m", "at_once").status is Status.FAIL
    assert violated_rules(found.rules, "at_once") == ()


def test_the_cache_is_compared_with_the_same_models_own_earlier_rate():
    gate = {"measure": "cache_hit_rate", "drop": 0.1, "warm_up": "10m", "min_sample": 20}
    hits = [attempt((11 + number % 40) * MINUTE, cached=number % 2 == 0) for number in range(400)]
    kept = [attempt(55 * MINUTE, cached=number % 2 == 0) for number in range(100)]
    lost = [attempt(55 * MINUTE) for _ in range(100)]
    window = f"{LAST_TENTH}, {VoiceModel.CHIRP3_HD}"
    plan = plan_of(gates=[gate])
    assert one(judged(plan, *hits, *kept).gates, "cache_hit_rate", window).status is Status.PASS
    assert one(judged(plan, *hits, *lost).gates, "cache_hit_rate", window).status is Status.FAIL


@pytest.mark.parametrize("policy", ["hold", "pass", "fail"])
def test_a_cache_that_nobody_asked_is_judged_by_the_gates_policy(policy):
    gate = {"measure": "cache_hit_rate", "warm_up": "10m", "no_data": policy}
    judgement = one(judged(plan_of(gates=[gate])).gates, "cache_hit_rate", LAST_TENTH)
    assert (judgement.status, judgement.sample) == (Status(policy), 0)


def test_a_quota_that_the_next_stage_would_pass_holds():
    # 120 jobs a minute at the busiest: at 50 % 60 Chirp requests.
    jobs = [attempt(MINUTE * (number % 5), **CONTROL) for number in range(600)]
    fits = judged(plan_of(limits={"chirp_requests_a_minute": 60}), *jobs)
    assert one(fits.gates, "quota", "next stage").status is Status.PASS
    over = judged(plan_of(limits={"chirp_requests_a_minute": 59}), *jobs)
    assert one(over.gates, "quota", "next stage").status is Status.HOLD


def test_the_quota_is_held_against_the_busiest_window_of_a_whole_day():
    jobs = [attempt(MINUTE * (number % 5), **CONTROL) for number in range(600)]
    quota = plan_of(limits={"chirp_requests_a_minute": 59})
    for until, verdict in ((20 * HOUR, Status.HOLD), (25 * HOUR, Status.PASS)):
        assert one(judged(quota, *jobs, until=until).gates, "quota", "next stage").status is verdict


def test_the_price_of_the_next_stage_is_held_against_the_budget():
    # 1,000 characters an hour are 720,000 a month: at 50 % of each model 12.24 USD.
    jobs = [attempt(billed=100, **CONTROL) for _ in range(10)]
    judgement = one(judged(plan_of(limits={"dollars_a_month": 12.25}), *jobs).gates, "budget", "next stage")
    assert (judgement.status, judgement.value) == (Status.PASS, pytest.approx(12.24))
    assert one(judged(plan_of(limits={"dollars_a_month": 12}), *jobs).gates, "budget", "next stage").status is (
        Status.HOLD
    )


def test_a_worker_with_its_hand_brake_on_is_seen():
    braked = {**CONTROL, "reason": DecisionReason.BRAKED, "revision": 0}
    assert judged(plan_of(), attempt(58 * MINUTE, **braked)).braked == 1


@given(st.integers(0, 300), st.integers(0, 300))
def test_one_failure_more_never_makes_a_verdict_better(good, bad):
    order = [Status.PASS, Status.HOLD, Status.FAIL]
    plan = plan_of()
    less, more = judged(plan, *lately(good + 1, bad)), judged(plan, *lately(good, bad + 1))
    for before, after in zip(less.rules, more.rules, strict=True):
        assert order.index(after.status) >= order.index(before.status)


@pytest.mark.parametrize(("after", "sample"), [(539 * MINUTE, 0), (540 * MINUTE, 1), (599 * MINUTE, 1)])
def test_the_tail_is_the_last_tenth_of_the_stages_time(after, sample):
    found = judged(plan_of(), attempt(after), until=10 * HOUR)
    assert one(found.gates, "error_rate", LAST_TENTH).sample == sample
    assert one(found.gates, "error_rate", STAGE).sample == 1


@pytest.mark.parametrize(("sample", "needed"), [(100, 10), (101, 11), (110, 11), (111, 12)])
def test_the_tail_needs_a_tenth_of_the_sample_rounded_up(sample, needed):
    plan = plan_of(gates=[{"measure": "error_rate", "limit": 0.05, "min_sample": sample}])
    found = judged(plan)
    assert one(found.gates, "error_rate", LAST_TENTH).message == f"0 of {needed} attempts needed"
    assert one(found.gates, "error_rate", STAGE).message == f"0 of {sample} attempts needed"


@pytest.mark.parametrize(("measure", "limit"), [("error_rate", 0.05), ("mean_time", 2), ("p95_time", 2)])
@pytest.mark.parametrize(("count", "fails"), [(99, False), (100, True)])
def test_a_character_that_fails_is_named_for_rates_and_times_with_the_sample_of_the_whole_stage(
    measure, limit, count, fails
):
    bad = some(0, count, after=55 * MINUTE, character="ghoul", seconds=9.0)
    plan = plan_of(gates=[{"measure": measure, "limit": limit, "min_sample": 100}])
    found = judged(plan, *some(2000), *bad, hears=("pip_boy", "ghoul"))
    named = [(each.title, each.window, each.status, each.sample) for each in found.gates if each.character == "ghoul"]
    assert named == ([(measure, STAGE, Status.FAIL, 100)] if fails else [])
    assert {each.character for each in found.gates} <= {None, "ghoul"}


CACHE_GATE = {"measure": "cache_hit_rate", "drop": 0.1, "min_sample": 1000}


@pytest.mark.parametrize(
    ("warm_up", "after", "early", "late"),
    [
        ("10m", 9, None, None), ("10m", 10, 2, 0), ("10m", 53, 2, 0), ("10m", 54, 0, 2), ("10m", 59, 0, 2),
        # A warm-up into the last tenth leaves no earlier rate.
        ("57m", 53, None, None), ("57m", 56, None, None), ("57m", 57, 0, 2),
    ],
)  # fmt: skip
def test_lookups_count_after_the_warm_up_as_earlier_ones_and_as_those_of_the_last_tenth(warm_up, after, early, late):
    plan = plan_of(gates=[{**CACHE_GATE, "warm_up": warm_up}])
    found = judged(plan, attempt(after * MINUTE, cached=True), attempt(after * MINUTE)).gates
    if early is None:
        assert one(found, "cache_hit_rate", LAST_TENTH).message == "0 and 0 look-ups so far"
    else:
        verdict = one(found, "cache_hit_rate", f"{LAST_TENTH}, {VoiceModel.CHIRP3_HD}")
        assert verdict.message == f"{early} and {late} look-ups so far"


@pytest.mark.parametrize("models", [(CHIRP,), (CONTROL,), (CHIRP, CONTROL), ()])
@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 1, 1), (1, 1, 0, 0)])
def test_each_model_with_any_lookup_has_its_own_verdict_and_all_together_only_without_any(models, counts):
    hits, misses, late_hits, late_misses = counts
    lookups = [
        attempt(after * MINUTE, cached=cached, called=False, **model)
        for model in models
        for number, after, cached in (
            (hits, 20, True), (misses, 20, False), (late_hits, 55, True), (late_misses, 55, False),
        )
        for _ in range(number)
    ]  # fmt: skip
    found = judged(plan_of(gates=[{**CACHE_GATE, "warm_up": "10m"}]), *lookups).gates
    windows = [each.window for each in found if each.title == "cache_hit_rate"]
    named = [f"{LAST_TENTH}, {model}" for model in VoiceModel if model in {each["voice_model"] for each in models}]
    assert windows == (named or [LAST_TENTH])


def last_of(use: str, count: int = 100) -> Plan:
    return plan_of(roll_back={use: [{"measure": "error_rate", "limit": 0.10, "last": count}]})


@pytest.mark.parametrize("use", ["at_once", "step", "character"])
def test_failures_that_no_window_holds_roll_back_over_the_last_attempts(use):
    # One attempt a minute for two hours, every third fails: five in the short window.
    attempts = [attempt(n * MINUTE, **(FAILED if n % 3 == 0 else {})) for n in range(120)]
    without = plan_of(roll_back={use: [{"measure": "error_rate", "limit": 0.25}]})
    assert violated_rules(judged(without, *attempts, until=2 * HOUR).rules, use) == ()
    (found, *_) = violated_rules(judged(last_of(use), *attempts, until=2 * HOUR).rules, use)[-1:]
    assert (found.window, found.sample, found.suffices) == ("last 100", 100, True)


def test_the_last_attempts_leave_out_what_was_before_them():
    healed = [*some(0, 60, after=MINUTE), *(attempt(20 * MINUTE) for _ in range(100))]
    found = judged(last_of("at_once"), *healed)
    assert one(found.rules, "error_rate", "last 100", "at_once").value == 0
    assert one(found.rules, "error_rate", "1h", "at_once").status is Status.FAIL


def test_while_there_are_fewer_attempts_the_last_ones_are_all_of_the_stage():
    verdict = one(judged(last_of("step", 2_000), *some(10, 10)).rules, "error_rate", "last 2,000", "step")
    assert (verdict.sample, verdict.status, verdict.suffices) == (20, Status.FAIL, True)


def test_a_step_back_by_both_windows_needs_no_last_attempts():
    plan = last_of("step", 10_000)
    found = judged(plan, *some(1_400), *some(100, 90, after=50 * MINUTE), *lately(10, 40))
    by_last = one(found.rules, "error_rate", "last 10,000", "step")
    windows = [one(found.rules, "error_rate", window, "step") for window in ("5m", "1h")]
    assert [each.suffices for each in (by_last, *windows)] == [True, False, False]
    # The last attempts don't fail, and hold nothing back either.
    both = [Verdict("step", "error_rate", window, Status.FAIL) for window in ("5m", "1h")]
    held = Verdict("step", "error_rate", "last 10,000", Status.HOLD, suffices=True)
    assert violated_rules((*both, held), "step") == tuple(both)
    alone = Verdict("step", "error_rate", "last 10,000", Status.FAIL, suffices=True)
    passed = Verdict("step", "error_rate", "5m", Status.PASS)
    assert violated_rules((both[1], passed, alone), "step") == (alone,)


def test_a_character_that_comes_back_begins_its_last_attempts_anew():
    bad = some(5, 25, after=50 * MINUTE, character="ghoul")
    found = judged(last_of("character"), *bad, hears=("ghoul",), starts={"ghoul": BEGAN + 56 * MINUTE})
    assert violated_rules(found.rules, "character") == ()
