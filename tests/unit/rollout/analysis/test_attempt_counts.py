from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AttemptResult, VoiceModel
from tests.unit.attempts import BEGAN, FAILED, MINUTE, attempt, count_attempts
from worker.rollout.analysis.attempt_counts import MAX_PUBLISH_DELAY, AttemptCounts

HOUR = timedelta(hours=1)
some = st.lists(
    st.builds(
        lambda minutes, failed, who, identity: attempt(
            minutes * MINUTE, id=identity, character=who, **(FAILED if failed else {})
        ),
        st.integers(0, 30),
        st.booleans(),
        st.sampled_from(["pip_boy", "ghoul"]),
        st.text("ab", min_size=1, max_size=3),
    ),
    max_size=30,
    # The same id is the same attempt.
    unique_by=lambda each: each.id,
)


def everything(ledger: AttemptCounts) -> dict:
    return dict(ledger.cells(0, ledger.step_at(BEGAN + 24 * HOUR)))


@given(some, st.randoms(use_true_random=False))
def test_neither_order_nor_repeats_matter(attempts, rng):
    again = attempts + rng.sample(attempts, len(attempts) // 2)
    rng.shuffle(again)
    one, other = count_attempts(*attempts), count_attempts(*again)
    assert everything(one) == everything(other)
    assert other.repeated == len(again) - len(attempts)


@given(some)
def test_counts_by_result_add_up_all_attempts(attempts):
    counts = count_attempts(*attempts).by_result()
    for who in ("pip_boy", "ghoul"):
        of_one = [each for each in attempts if each.character == who]
        failed = sum(each.failure is not None for each in of_one)
        assert counts.get((VoiceModel.CHIRP3_HD, who, AttemptResult.ERROR), 0) == failed
        assert counts.get((VoiceModel.CHIRP3_HD, who, AttemptResult.SUCCESS), 0) == len(of_one) - failed


def test_an_attempt_counts_in_the_step_of_its_end_not_of_its_publication():
    ledger = AttemptCounts(MINUTE)
    ledger.add(attempt(MINUTE), 1, BEGAN + 2 * HOUR)
    ((step, _),) = ledger.cells(0, ledger.step_at(BEGAN + HOUR))
    assert ledger.step_start(step) == BEGAN + MINUTE


def test_an_attempt_that_was_published_too_late_is_reported_and_not_counted():
    ledger = AttemptCounts(MINUTE)
    assert not ledger.add(attempt(), 1, BEGAN + MINUTE + MAX_PUBLISH_DELAY + MINUTE)
    assert (ledger.late, ledger.counted) == (1, 0)


def test_stored_takes_are_no_attempts():
    ledger = count_attempts(attempt(cached=True))
    assert ledger.by_result() == {}
    ((_, cells),) = ledger.cells(0, ledger.step_at(BEGAN + HOUR))
    assert [(each.cached, each.attempts) for each in cells.values()] == [(1, 0)]


def test_an_attempt_in_a_settled_step_is_a_change():
    ledger = count_attempts(attempt(MINUTE))
    ledger.settle(ledger.step_at(BEGAN + 10 * MINUTE))
    ledger.add(attempt(11 * MINUTE), 1, BEGAN + 11 * MINUTE)
    assert ledger.changes == 0
    ledger.add(attempt(3 * MINUTE), 1, BEGAN + 11 * MINUTE)
    assert ledger.changes == 1


def test_a_repeat_is_no_late_attempt_however_late_it_is_published():
    ledger = count_attempts(attempt(MINUTE, id="one"))
    assert not ledger.add(attempt(MINUTE, id="one"), 1, BEGAN + MAX_PUBLISH_DELAY + HOUR)
    assert (ledger.late, ledger.repeated) == (0, 1)


def test_an_attempt_that_ended_long_after_it_was_published_is_not_counted():
    ledger = AttemptCounts(MINUTE)
    assert not ledger.add(attempt(MAX_PUBLISH_DELAY + HOUR), 1, BEGAN)
    assert ledger.counted == 0


@given(some, st.lists(st.integers(0, 12 * 60), min_size=30, max_size=30), st.randoms(use_true_random=False))
def test_the_counts_do_not_depend_on_which_record_of_an_attempt_comes_first(attempts, delays, rng):
    # Each is listed by a record in time or not, and by one that comes much later.
    records = [
        (each, each.ended_at + minutes * MINUTE)
        for each, delay in zip(attempts, delays, strict=False)
        for minutes in (delay, delay + 2 * 60)
    ]
    one, other = AttemptCounts(MINUTE), AttemptCounts(MINUTE)
    for each, at in records:
        one.add(each, 1, at)
    for each, at in rng.sample(records, len(records)):
        other.add(each, 1, at)
    assert everything(one) == everything(other)
    assert one.counted == sum(delay * MINUTE <= MAX_PUBLISH_DELAY for delay in delays[: len(attempts)])


def test_a_repeat_is_recognised_as_long_as_it_can_come():
    ledger = count_attempts(attempt(MINUTE, id="old"))
    # What was published before is read; one from just after it may still list the attempt.
    ledger.forget_ids(BEGAN + MAX_PUBLISH_DELAY)
    assert not ledger.add(attempt(MINUTE, id="old"), 1, BEGAN + MAX_PUBLISH_DELAY)
    assert ledger.repeated == 1


@given(st.lists(st.tuples(st.integers(0, 20 * 60), st.integers(0, 9 * 60)), max_size=30))
def test_attempts_with_dropped_ids_are_never_counted_twice(attempts):
    """Records come in the order in which they are published, and what can't come again is forgotten at each."""
    ledger = AttemptCounts(MINUTE)
    records = sorted(
        (ended + delay, number, ended)
        for number, (ended, after) in enumerate(attempts)
        for delay in (0, after // 2, after)
    )
    for published, number, ended in records:
        at = BEGAN + published * MINUTE
        ledger.add(attempt(ended * MINUTE, id=str(number)), 1, at)
        ledger.forget_ids(at)
    assert ledger.counted == len(attempts)


def test_dropped_cells_and_ids_take_no_memory():
    ledger = count_attempts(attempt(MINUTE, id="old"), attempt(20 * HOUR, id="new"))
    ledger.forget(BEGAN + 19 * HOUR)
    assert len(everything(ledger)) == 1
    ledger.forget_ids(BEGAN + 20 * HOUR)
    assert sum(map(len, ledger._ids.values())) == 1
