"""Before a batch starts: which voice each line gets, how it stands, what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.words import JobStatus, VoiceModel
from tests.unit.batches import HALF, cast, casting, done, failed, line
from tests.unit.makers import CHIRP, WAVENET
from worker.batch.line_status import LineState, LineStatus, line_states, next_job
from worker.batch.manifest import Entry, Sent, entry_of
from worker.batch.price import price_of
from worker.batch.voice_selection import KeepTogether, VoicedLine
from worker.cli.views.batch import price_rows, voices_in_words
from worker.pricing.google_terms import TERMS
from worker.rollout.state import RolloutState

NOBODY = RolloutState(enabled=False, percentage=0, characters=None)
EVERYBODY = replace(HALF, percentage=10_000)


def models(casts: list[VoicedLine]) -> set[VoiceModel]:
    return {each.voice.voice_model for each in casts}


def test_lines_decided_one_by_one_split_a_character_and_a_character_kept_together_has_one_voice() -> None:
    lines = [line(f"l-{n}", text=f"Line {n}.") for n in range(100)]
    split = cast(*lines, together=KeepTogether.LINE)
    assert models(split) == {CHIRP, WAVENET}
    chirp = sum(each.voice.voice_model is CHIRP for each in split)
    assert voices_in_words(split) == [f"pip_boy: {chirp} lines Chirp, {100 - chirp} WaveNet"]
    together = cast(*lines, together=KeepTogether.CHARACTER)
    assert len(models(together)) == 1
    assert voices_in_words(together) == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["ghoul", "raider"])), min_size=1))
def test_scenes_keep_together_where_the_script_has_any_and_characters_elsewhere(entries: list[tuple]) -> None:
    lines = [line(f"l-{n}", scene=scene, character=who) for n, (scene, who) in enumerate(entries)]
    by_key: dict[str, set[VoiceModel]] = {}
    has_scenes = any(scene for scene, _ in entries)
    for each in cast(*lines):
        key = each.line.scene if has_scenes and each.line.scene else each.job.character
        assert each.job.rollout_key == key
        by_key.setdefault(key, set()).add(each.voice.voice_model)
    assert all(len(found) == 1 for found in by_key.values())


def test_a_lines_own_rollout_key_and_voice_win() -> None:
    own = line(rollout_key="lab", voice="en-US-Wavenet-B")
    (made,) = cast(own, together=KeepTogether.CHARACTER, voice_model=CHIRP)
    assert (made.job.rollout_key, made.job.voice, made.voice.name) == ("lab", "en-US-Wavenet-B", "en-US-Wavenet-B")


def test_a_voice_model_can_be_forced_for_all() -> None:
    lines = [line(f"l-{n}", character=who) for n, who in enumerate(["ghoul", "raider", "pip_boy"])]
    assert models(cast(*lines, state=NOBODY, voice_model=CHIRP)) == {CHIRP}
    assert models(cast(*lines, state=EVERYBODY, voice_model=WAVENET)) == {WAVENET}


def ended(made: VoicedLine, **changes: object) -> Entry:
    _, sent = next_job(made, None)
    completion = done(sent.job_id, made.key)
    return entry_of(sent, completion).model_copy(update=changes)


def stands(made: VoicedLine, entry: Entry | None, state: RolloutState = HALF, sent: Sent | None = None) -> LineState:
    entries = {made.line.id: entry} if entry else {}
    return next(line_states([made], entries, {sent.line: sent} if sent else {}, casting(state)))


def standing(made: VoicedLine, entry: Entry | None, state: RolloutState = HALF) -> LineStatus:
    return stands(made, entry, state).standing


def test_a_line_stands_as_new_done_failed_or_under_way() -> None:
    (made,) = cast(line())
    _, sent = next_job(made, None)
    assert standing(made, None) is LineStatus.NEW
    assert stands(made, None, sent=sent).standing is LineStatus.UNDER_WAY
    assert standing(made, ended(made)) is LineStatus.DONE
    lost = entry_of(sent, failed(sent.job_id))
    assert standing(made, lost) is LineStatus.FAILED
    assert standing(made, lost.model_copy(update={"status": JobStatus.EXPIRED})) is LineStatus.FAILED


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
def test_a_line_that_would_sound_otherwise_is_edited(change: dict) -> None:
    (before,) = cast(line(), voice_model=WAVENET)
    (after,) = cast(line(**change), voice_model=WAVENET)
    assert standing(after, ended(before)) is LineStatus.EDITED


@pytest.mark.parametrize("change", [{"labels": {"quest": "main"}}, {"deadline": "2026-02-01T00:00:00Z"}])
def test_what_doesnt_change_the_sound_makes_no_line_again(change: dict) -> None:
    (before,) = cast(line())
    (after,) = cast(line(**change))
    assert standing(after, ended(before)) is LineStatus.DONE


def test_a_line_whose_voice_model_has_changed_since_is_told_as_such_and_not_as_edited() -> None:
    (before,) = cast(line(), state=NOBODY)
    (after,) = cast(line(), state=EVERYBODY)
    assert (before.voice.voice_model, after.voice.voice_model) == (WAVENET, CHIRP)
    assert standing(after, ended(before), EVERYBODY) is LineStatus.VOICE_CHANGED
    (edited,) = cast(line(text="Another."), state=EVERYBODY)
    assert standing(edited, ended(before), EVERYBODY) is LineStatus.EDITED


def test_a_line_whose_job_is_under_way_tells_how_it_will_stand_once_that_has_ended() -> None:
    (before,) = cast(line(), state=NOBODY)
    (edited,) = cast(line(text="Another."), state=NOBODY)
    (other_voice,) = cast(line(), state=EVERYBODY)
    (both,) = cast(line(text="Another."), state=EVERYBODY)
    _, sent = next_job(before, None)
    told = {
        LineStatus.DONE: stands(before, None, NOBODY, sent),
        LineStatus.EDITED: stands(edited, ended(edited), NOBODY, sent),
        LineStatus.VOICE_CHANGED: stands(other_voice, None, EVERYBODY, sent),
    }
    assert {then: each.then for then, each in told.items()} == {then: then for then in told}
    assert all(each.standing is LineStatus.UNDER_WAY for each in told.values())
    assert stands(both, None, EVERYBODY, sent).then is LineStatus.EDITED


@given(st.sampled_from(["As it was.", "As it is."]), st.sampled_from([NOBODY, HALF, EVERYBODY]), st.booleans())
def test_a_line_will_stand_after_its_job_as_it_was_told_before(text: str, state: RolloutState, fails: bool) -> None:
    (before,) = cast(line(text="As it was."), state=NOBODY)
    (now,) = cast(line(text=text), state=state)
    _, sent = next_job(before, None)
    entry = entry_of(sent, failed(sent.job_id) if fails else done(sent.job_id, sent.key))
    after = stands(now, entry, state)
    assert stands(now, None, state, sent).then in {after.then, *({LineStatus.DONE} if fails else ())}
    assert after.then is after.standing


def test_a_line_that_wavenet_spoke_in_chirps_place_is_done() -> None:
    (made,) = cast(line(), state=EVERYBODY)
    key = casting(EVERYBODY).key_by(made, WAVENET)
    fell_back = ended(made, key=key, voice_model=WAVENET, fallback=True)
    assert standing(made, fell_back, EVERYBODY) is LineStatus.DONE


def test_a_job_is_told_from_that_of_the_line_before_it_was_edited_or_made_again() -> None:
    (made,) = cast(line())
    (edited,) = cast(line(text="Another."))
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
    casts = cast(*lines, state=NOBODY)
    price = price_of(casts, {casts[0].key})
    wavenet = next(each for each in price.models if each.voice_model is WAVENET)
    assert (wavenet.lines, wavenet.stored, wavenet.repeats, wavenet.new) == (5, 1, 1, 3)
    # Tags are billed too.
    assert wavenet.characters == len("Twice.") + len('<speak>Wait. <break time="600ms"/> Go.</speak>') + len("早安。")
    assert price.dollars == pytest.approx(wavenet.characters * 4 / 1e6)
    assert price.dollars_at_least == 0
    assert price.chirp_share == 0


def test_the_free_tier_is_shown_beside_the_price_and_not_taken_off_it() -> None:
    casts = [replace(each, billed=1_500_000) for each in cast(line(), state=EVERYBODY)]
    price = price_of(casts, ())
    assert price.dollars == 1_500_000 * TERMS[CHIRP].dollars_per_character
    assert price.dollars_at_least == (1_500_000 - TERMS[CHIRP].free_characters) * TERMS[CHIRP].dollars_per_character
    total = price_rows(price)[-1]
    assert total["USD"] == 45.0


def test_the_time_is_the_quotas_for_one_voice_model_and_for_all() -> None:
    chirp, wavenet = cast(line("a-1"), line("a-2", voice="wavenet"), state=EVERYBODY)
    many = [replace(chirp, calls=400, key="a"), replace(wavenet, calls=600, key="b")]
    assert price_of(many, ()).minutes == 2.0
    assert price_of([replace(wavenet, calls=1700), many[0]], ()).minutes == pytest.approx(2.1)
    assert price_of([], ()).minutes == 0
