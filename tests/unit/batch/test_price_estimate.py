"""Before a batch starts: the voice of each line, its status, and the price."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import JobStatus, VoiceModel
from tests.unit.batches import HALF, done, failed, line, plan, selector
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.entry import ManifestEntry, SentJob, build_entry
from worker.batch.line_status import LineState, LineStatus, line_states, next_job
from worker.batch.price_estimate import estimate_price
from worker.batch.voice_selection import KeepTogether, PlannedLine
from worker.cli.views.batch import describe_split_characters, manifest_row, price_rows
from worker.pricing.google_terms import TERMS
from worker.rollout.state import RolloutState

NOBODY = RolloutState(enabled=False, percentage=0, characters=None)
EVERYBODY = replace(HALF, percentage=10_000)


def models(planned_lines: list[PlannedLine]) -> set[VoiceModel]:
    return {each.voice.voice_model for each in planned_lines}


def test_lines_decided_one_by_one_split_a_character_and_a_character_kept_together_has_one_voice() -> None:
    lines = [line(f"l-{n}", text=f"Line {n}.") for n in range(100)]
    split = plan(*lines, together=KeepTogether.LINE)
    assert models(split) == {CHIRP, WAVENET}
    chirp = sum(each.voice.voice_model is CHIRP for each in split)
    assert describe_split_characters(split) == [f"pip_boy: {chirp} of 100 lines by Chirp, {100 - chirp} by WaveNet"]
    together = plan(*lines, together=KeepTogether.CHARACTER)
    assert len(models(together)) == 1
    assert describe_split_characters(together) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["ghoul", "raider"])), min_size=1))
def test_scenes_keep_together_where_the_script_has_any_and_characters_elsewhere(entries: list[tuple]) -> None:
    lines = [line(f"l-{n}", scene=scene, character=who) for n, (scene, who) in enumerate(entries)]
    by_key: dict[str, set[VoiceModel]] = {}
    has_scenes = any(scene for scene, _ in entries)
    for each in plan(*lines):
        key = each.line.scene if has_scenes and each.line.scene else each.job.character
        assert each.job.rollout_key == key
        by_key.setdefault(key, set()).add(each.voice.voice_model)
    assert all(len(found) == 1 for found in by_key.values())


def test_a_lines_own_rollout_key_and_voice_win() -> None:
    own = line(rollout_key="lab", voice="en-US-Wavenet-B")
    (made,) = plan(own, together=KeepTogether.CHARACTER, voice_model=CHIRP)
    assert (made.job.rollout_key, made.job.voice, made.voice.name) == ("lab", "en-US-Wavenet-B", "en-US-Wavenet-B")


def test_a_voice_model_can_be_forced_for_all() -> None:
    lines = [line(f"l-{n}", character=who) for n, who in enumerate(["ghoul", "raider", "pip_boy"])]
    assert models(plan(*lines, state=NOBODY, voice_model=CHIRP)) == {CHIRP}
    assert models(plan(*lines, state=EVERYBODY, voice_model=WAVENET)) == {WAVENET}


def ended(made: PlannedLine, **changes: object) -> ManifestEntry:
    _, sent = next_job(made, None)
    completion = done(sent.job_id, made.key)
    return build_entry(sent, completion).model_copy(update=changes)


def line_state(
    made: PlannedLine, entry: ManifestEntry | None, state: RolloutState = HALF, sent: SentJob | None = None
) -> LineState:
    entries = {made.line.id: entry} if entry else {}
    return next(line_states([made], entries, {sent.line: sent} if sent else {}, selector(state)))


def status(made: PlannedLine, entry: ManifestEntry | None, state: RolloutState = HALF) -> LineStatus:
    return line_state(made, entry, state).status


def test_a_line_is_new_done_failed_or_in_flight() -> None:
    (made,) = plan(line())
    _, sent = next_job(made, None)
    assert status(made, None) is LineStatus.NEW
    assert line_state(made, None, sent=sent).status is LineStatus.IN_FLIGHT
    assert status(made, ended(made)) is LineStatus.DONE
    lost = build_entry(sent, failed(sent.job_id))
    assert status(made, lost) is LineStatus.FAILED
    for other in (JobStatus.EXPIRED, JobStatus.CANCELLED):
        without_audio = lost.model_copy(update={"status": other})
        assert status(made, without_audio) is LineStatus.FAILED
        assert manifest_row({"a": without_audio}, None, 0)[other.value] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Another line."},
        {"character": "ghoul"},
        {"speaking_rate": 0.5},
        {"take": 2},
        {"audio": {"encoding": "MP3"}},
    ],
)
def test_a_line_that_would_sound_different_is_edited(change: dict) -> None:
    (before,) = plan(line(), voice_model=WAVENET)
    (after,) = plan(line(**change), voice_model=WAVENET)
    assert status(after, ended(before)) is LineStatus.EDITED


@pytest.mark.parametrize("change", [{"labels": {"quest": "main"}}, {"deadline": "2026-02-01T00:00:00Z"}])
def test_a_change_that_does_not_change_the_sound_makes_no_line_again(change: dict) -> None:
    (before,) = plan(line())
    (after,) = plan(line(**change))
    assert status(after, ended(before)) is LineStatus.DONE


def test_a_changed_voice_model_is_a_status_of_its_own_and_no_edit() -> None:
    (before,) = plan(line(), state=NOBODY)
    (after,) = plan(line(), state=EVERYBODY)
    assert (before.voice.voice_model, after.voice.voice_model) == (WAVENET, CHIRP)
    assert status(after, ended(before), EVERYBODY) is LineStatus.VOICE_CHANGED
    (edited,) = plan(line(text="Another."), state=EVERYBODY)
    assert status(edited, ended(before), EVERYBODY) is LineStatus.EDITED


def test_a_line_in_flight_has_the_status_that_follows_its_job() -> None:
    (before,) = plan(line(), state=NOBODY)
    (edited,) = plan(line(text="Another."), state=NOBODY)
    (other_voice,) = plan(line(), state=EVERYBODY)
    (both,) = plan(line(text="Another."), state=EVERYBODY)
    _, sent = next_job(before, None)
    predicted = {
        LineStatus.DONE: line_state(before, None, NOBODY, sent),
        LineStatus.EDITED: line_state(edited, ended(edited), NOBODY, sent),
        LineStatus.VOICE_CHANGED: line_state(other_voice, None, EVERYBODY, sent),
    }
    assert {then: each.status_after_job for then, each in predicted.items()} == {then: then for then in predicted}
    assert all(each.status is LineStatus.IN_FLIGHT for each in predicted.values())
    assert line_state(both, None, EVERYBODY, sent).status_after_job is LineStatus.EDITED


@given(st.sampled_from(["As it was.", "As it is."]), st.sampled_from([NOBODY, HALF, EVERYBODY]), st.booleans())
def test_the_status_after_the_job_is_as_predicted(text: str, state: RolloutState, fails: bool) -> None:
    (before,) = plan(line(text="As it was."), state=NOBODY)
    (now,) = plan(line(text=text), state=state)
    _, sent = next_job(before, None)
    entry = build_entry(sent, failed(sent.job_id) if fails else done(sent.job_id, sent.key))
    after = line_state(now, entry, state)
    assert line_state(now, None, state, sent).status_after_job in {
        after.status_after_job,
        *({LineStatus.DONE} if fails else ()),
    }
    assert after.status_after_job is after.status


def test_a_line_that_wavenet_spoke_in_chirps_place_is_done() -> None:
    (made,) = plan(line(), state=EVERYBODY)
    key = selector(EVERYBODY).key_for(made, WAVENET)
    fell_back = ended(made, key=key, voice_model=WAVENET, fallback=True)
    assert status(made, fell_back, EVERYBODY) is LineStatus.DONE


def test_a_job_has_another_id_than_the_lines_jobs_before_an_edit_or_a_retry() -> None:
    (made,) = plan(line())
    (edited,) = plan(line(text="Another."))
    first, sent = next_job(made, None)
    again, _ = next_job(made, ended(made))
    other, _ = next_job(edited, ended(made))
    assert len({first.job_id, again.job_id, other.job_id}) == 3
    assert next_job(made, None)[0] == first
    assert sent.job_id.startswith("line-1:")


def test_the_price_counts_what_google_will_bill_once_a_take() -> None:
    stored = line("a-1", text="Stored.")
    lines = [
        stored,
        line("a-2", text="Twice."),
        line("a-3", text="Twice."),
        line("a-4", text="Wait. [pause] Go."),
        line("a-5", language="cmn-TW", text="早安。"),
    ]
    planned_lines = plan(*lines, state=NOBODY)
    price = estimate_price(planned_lines, {planned_lines[0].key})
    wavenet = next(each for each in price.models if each.voice_model is WAVENET)
    assert (wavenet.lines, wavenet.stored, wavenet.duplicates, wavenet.new) == (5, 1, 1, 3)
    # Tags are billed too.
    assert wavenet.characters == len("Twice.") + len('<speak>Wait. <break time="600ms"/> Go.</speak>') + len("早安。")
    assert price.dollars == pytest.approx(wavenet.characters * 4 / 1e6)
    assert price.dollars_at_least == 0
    assert price.chirp_share == 0


def test_the_free_tier_is_shown_beside_the_price_and_not_taken_off_it() -> None:
    planned_lines = [replace(each, billed=1_500_000) for each in plan(line(), state=EVERYBODY)]
    price = estimate_price(planned_lines, ())
    assert price.dollars == 1_500_000 * TERMS[CHIRP].dollars_per_character
    assert price.dollars_at_least == (1_500_000 - TERMS[CHIRP].free_characters) * TERMS[CHIRP].dollars_per_character
    total = price_rows(price)[-1]
    assert total["USD"] == 45.0


def test_the_time_is_the_quotas_for_one_voice_model_and_for_all() -> None:
    chirp, wavenet = plan(line("a-1"), line("a-2", voice="wavenet"), state=EVERYBODY)
    many = [replace(chirp, calls=400, key="a"), replace(wavenet, calls=600, key="b")]
    assert estimate_price(many, ()).minutes == 2.0
    assert estimate_price([replace(wavenet, calls=1700), many[0]], ()).minutes == pytest.approx(2.1)
    assert estimate_price([], ()).minutes == 0
