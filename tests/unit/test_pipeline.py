"""The way of one job: decide, look up, speak, fall back, store, complete; and how each of it is counted."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.job import InvalidJob
from schemas.words import (
    AttemptResult,
    AudioEncoding,
    DecisionReason,
    FailureClass,
    JobStatus,
    Lane,
    VoiceModel,
)
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET, audio, job, rendered_job
from worker.clock import Clock
from worker.handling import Handler
from worker.observability.metrics import Metrics
from worker.outcome import Outcome, Record
from worker.pipeline import Pipeline, PipelineParts
from worker.rollout.state import FULL, RolloutState
from worker.speech.attempt import Attempter
from worker.speech.failures import Failure, failure_of
from worker.speech.google import CallFailed
from worker.speech.permission import Permission
from worker.storage.s3 import StorageUnavailable
from worker.storage.takes import StoredTake, take_key

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WAV = {"encoding": "LINEAR16", "sample_rate": 24000}
SOUNDS = {CHIRP: audio(AudioEncoding.LINEAR16, 1.5), WAVENET: audio(AudioEncoding.LINEAR16, 2.0)}
ALL = RolloutState(enabled=True, percentage=FULL, characters=None)
DENIED = "PERMISSION_DENIED"


class Studio:
    """Stands for Google: speaks in each model's own sound, or fails as it is told; the clock runs with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fails: dict[VoiceModel, list[str | bytes]] = defaultdict(list)
        self.calls: list[VoiceModel] = []

    async def synthesize(self, _entry: Any, rendered: Any, _encoding: Any) -> bytes:
        voice_model = rendered.voice.voice_model
        self.calls.append(voice_model)
        self.world.seconds += 3.0 if voice_model is CHIRP else 0.5
        await asyncio.sleep(0)
        answer = self.fails[voice_model].pop(0) if self.fails[voice_model] else SOUNDS[voice_model]
        if isinstance(answer, str):
            raise CallFailed(failure_of(answer, "as told"))
        return answer


class Shelf:
    """Stands for the store: a dictionary, and `down` for when it is out."""

    bucket = "bucket"

    def __init__(self) -> None:
        self.takes: dict[str, StoredTake] = {}
        self.looked_up: list[str] = []
        self.down: set[str] = set()
        self.first: StoredTake | None = None

    async def look_up(self, key: str) -> StoredTake | None:
        if "look_up" in self.down:
            raise StorageUnavailable("look-up: down")
        self.looked_up.append(key)
        return self.takes.get(key)

    async def store(self, take: StoredTake, _audio: bytes) -> StoredTake:
        if "store" in self.down:
            raise StorageUnavailable("upload: down")
        return self.takes.setdefault(take.key, self.first or take)


class World:
    """All parts around one pipeline."""

    def __init__(self, state: RolloutState = ALL, probe: list[str | None] | None = None) -> None:
        self.seconds = 0.0
        self.google = Studio(self)
        self.shelf = Shelf()
        self.metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
        self.clock = Clock(monotonic=lambda: self.seconds, now=lambda: NOW + timedelta(seconds=self.seconds))
        self.probe = probe or [None]
        self.probes = 0
        self.pauses: list[float] = []
        self.permission = Permission(self._probe, self.metrics, 0.001)
        parts = PipelineParts(
            catalogue=CATALOGUE,
            rollout=state,
            attempter=Attempter(self.google, self.metrics, 0.0, self.clock),
            store=self.shelf,
            permission=self.permission,
            metrics=self.metrics,
            clock=self.clock,
            prefix="takes",
        )
        self.pipeline = Pipeline(parts)
        self.handler = Handler(self.pipeline, self.metrics, self.clock, 50_000)

    async def _probe(self) -> Failure | None:
        self.probes += 1
        code = self.probe.pop(0) if len(self.probe) > 1 else self.probe[0]
        return failure_of(code, "no") if code else None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def run(self, lane: Lane = Lane.DIALOGUE, **changes: Any) -> Outcome:
        probing = asyncio.create_task(self.permission.run())
        try:
            async with asyncio.timeout(5):
                return await self.pipeline.run(job(**{"audio": WAV, **changes}), lane, 0.25, self.pause)
        finally:
            probing.cancel()

    def count(self, name: str, **labels: Any) -> float:
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def counted(self) -> dict[str, float]:
        """What the plan's four queries are made of."""
        return {
            f"{voice_model.value} {status}": number
            for voice_model in VoiceModel
            for status in ("success", "error")
            if (number := self.count("tts_synthesis_total", voice_model=voice_model, status=status))
        } | ({"fallback": number} if (number := self.count("tts_chirp3_fallback_total")) else {})


def spoke(outcome: Outcome) -> Any:
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.DONE, outcome.completion.error
    assert outcome.dead_letter is None
    return outcome.completion


def failed(outcome: Outcome) -> Any:
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.FAILED
    assert outcome.completion.audio is None
    assert outcome.dead_letter == outcome.completion.error
    return outcome.completion


async def test_a_job_in_the_rollout_speaks_by_chirp_is_stored_and_told_whole() -> None:
    world = World()
    completion = spoke(await world.run(labels={"scene": "1"}, user_id="u"))
    sound = SOUNDS[CHIRP]
    key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV), 1)
    assert completion.audio.model_dump() == {
        "uri": f"s3://bucket/{key}",
        "bucket": "bucket",
        "key": key,
        "bytes": len(sound),
        "duration_s": pytest.approx(1.5),
        "encoding": AudioEncoding.LINEAR16,
        "sample_rate": 24000,
        "sha256": hashlib.sha256(sound).hexdigest(),
        "cached": False,
    }
    assert (completion.voice_model, completion.voice, completion.fallback) == (CHIRP, "en-US-Chirp3-HD-Puck", False)
    assert completion.decision.reason is DecisionReason.IN_ROLLOUT
    assert (completion.decision.percentage, completion.decision.revision) == (100, 0)
    assert (completion.labels, completion.take, completion.character) == ({"scene": "1"}, 1, "pip_boy")
    assert completion.text_characters == len("Hello there, wanderer.")
    assert (completion.timings.wait, completion.timings.speak, completion.timings.total) == (0.25, 3.0, 3.0)
    assert [a.result for a in completion.attempts] == [AttemptResult.SUCCESS]
    assert world.counted() == {"chirp3-hd success": 1}
    assert list(world.shelf.takes) == [key]


async def test_a_job_outside_of_the_rollout_speaks_by_wavenet_and_that_is_no_fallback() -> None:
    world = World(RolloutState(enabled=True, percentage=0, characters=None))
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.fallback) == (WAVENET, False)
    assert completion.decision.reason is DecisionReason.OUTSIDE
    assert world.counted() == {"wavenet success": 1}


async def test_a_stored_take_is_reported_and_counts_as_no_attempt() -> None:
    world = World()
    first = spoke(await world.run())
    again = spoke(await world.run(job_id="another"))
    assert again.audio == first.audio.model_copy(update={"cached": True})
    assert again.attempts == ()
    assert world.google.calls == [CHIRP]
    assert world.counted() == {"chirp3-hd success": 1}
    assert world.count("tts_cache_requests_total", voice_model=CHIRP, result="hit") == 1
    assert world.count("tts_cache_requests_total", voice_model=CHIRP, result="miss") == 1


async def test_the_next_take_is_made_anew() -> None:
    world = World()
    one, two = spoke(await world.run()), spoke(await world.run(take=2))
    assert one.audio.key != two.audio.key
    assert (two.take, two.audio.cached) == (2, False)


async def test_whoever_loses_the_race_reports_the_take_that_was_stored_first() -> None:
    world = World()
    key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV), 1)
    world.shelf.first = StoredTake(key, 7, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "en-US-Chirp3-HD-Puck")
    completion = spoke(await world.run())
    assert (completion.audio.sha256, completion.audio.bytes, completion.audio.cached) == ("ff", 7, False)
    assert world.counted() == {"chirp3-hd success": 1}


FALLS_BACK = ["INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", DENIED, "UNAUTHENTICATED"]


@pytest.mark.parametrize("failure", [*FALLS_BACK, b"", b"garbage"])
async def test_any_failure_of_chirp_in_dialogue_falls_back_and_is_counted_once_each(failure: str | bytes) -> None:
    world = World()
    world.google.fails[CHIRP] = [failure]
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.voice, completion.fallback) == (WAVENET, "en-US-Wavenet-I", True)
    assert completion.decision.voice_model is CHIRP
    assert completion.audio.duration_s == pytest.approx(2.0)
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}
    chirp, wavenet = completion.attempts
    assert (chirp.result, wavenet.result) == (AttemptResult.ERROR, AttemptResult.SUCCESS)
    assert world.count("tts_chirp3_fallback_total", error_type=chirp.failure_class, character_key="pip_boy") == 1
    assert chirp.id != wavenet.id
    assert all("/wavenet/" in key for key in world.shelf.takes), "bad audio is never stored"


async def test_wavenets_duration_does_not_carry_the_failed_chirp_attempts_time() -> None:
    world = World()
    world.google.fails[CHIRP] = ["INTERNAL", "INTERNAL"]
    completion = spoke(await world.run())
    assert [a.seconds for a in completion.attempts] == [6.0, 0.5]
    assert world.count("tts_synthesis_duration_seconds_sum", voice_model=WAVENET) == 0.5
    assert world.count("tts_synthesis_duration_seconds_sum", voice_model=CHIRP) == 6.0
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}
    assert completion.timings.speak == 6.5


async def test_a_fallback_take_that_is_stored_already_is_not_made_again() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]
    spoke(await world.run())
    again = spoke(await world.run())
    assert (again.fallback, again.audio.cached, len(again.attempts)) == (True, True, 1)
    assert world.google.calls == [CHIRP, WAVENET, CHIRP]
    assert world.counted() == {"chirp3-hd error": 2, "wavenet success": 1, "fallback": 2}


async def test_ten_jobs_with_chirp_failing_have_a_fallback_rate_of_one_hundred_and_not_more() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"] * 10
    for number in range(10):
        spoke(await world.run(text=f"Line number {number} here."))
    assert world.counted() == {"chirp3-hd error": 10, "wavenet success": 10, "fallback": 10}


async def test_a_fallback_that_fails_too_counts_as_any_failure_and_ends_the_job() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["INVALID_ARGUMENT"]})
    completion = failed(await world.run())
    assert (completion.error.failure_class, completion.error.code) == ("invalid", "INVALID_ARGUMENT")
    assert [a.voice_model for a in completion.attempts] == [CHIRP, WAVENET]
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "fallback": 1}
    assert completion.decision.voice_model is CHIRP
    assert not world.shelf.takes


@pytest.mark.parametrize("failure", ["INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", b""])
async def test_with_fallback_off_a_failure_of_chirp_ends_the_job_and_counts_no_fallback(failure: str | bytes) -> None:
    world = World(RolloutState(enabled=True, percentage=FULL, characters=None, fallback=False))
    world.google.fails[CHIRP] = [failure]
    completion = failed(await world.run())
    assert world.google.calls == [CHIRP]
    assert world.counted() == {"chirp3-hd error": 1}
    assert completion.fallback is False


async def test_a_failure_of_wavenet_by_decision_has_nothing_to_fall_back_to() -> None:
    world = World(RolloutState(enabled=False, percentage=0, characters=None))
    world.google.fails[WAVENET] = ["DEADLINE_EXCEEDED"]
    failed(await world.run())
    assert world.google.calls == [WAVENET]
    assert world.counted() == {"wavenet error": 1}


async def test_a_job_past_its_deadline_is_expired_without_any_work_and_is_no_dead_letter() -> None:
    world = World()
    outcome = await world.run(deadline=NOW.isoformat())
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED
    assert outcome.dead_letter is None
    assert outcome.completion.error is not None
    assert outcome.completion.error.field == "deadline"
    assert (world.google.calls, world.shelf.looked_up, world.counted()) == ([], [], {})
    spoke(await world.run(deadline=(NOW + timedelta(seconds=1)).isoformat()))


async def test_a_deadline_at_the_end_of_time_or_before_it_is_no_crash() -> None:
    spoke(await World().run(deadline="9999-12-31T23:59:59-23:00"))
    outcome = await World().run(deadline="0001-01-01T00:00:00+23:00")
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.EXPIRED


async def test_a_store_that_is_down_ends_the_job_before_google_is_paid() -> None:
    world = World()
    world.shelf.down = {"look_up"}
    completion = failed(await world.run())
    assert completion.error.failure_class == "storage"
    assert (world.google.calls, completion.attempts) == ([], ())


async def test_a_store_that_takes_nothing_ends_the_job_and_the_attempt_is_still_told() -> None:
    world = World()
    world.shelf.down = {"store"}
    completion = failed(await world.run())
    assert completion.error.failure_class == "storage"
    assert [a.result for a in completion.attempts] == [AttemptResult.SUCCESS]
    assert world.counted() == {"chirp3-hd success": 1}


async def test_quota_in_batch_waits_without_its_slot_and_is_no_attempt() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"] * 3
    completion = spoke(await world.run(Lane.BATCH))
    assert (completion.voice_model, completion.fallback) == (CHIRP, False)
    assert len(completion.attempts) == 1
    assert world.counted() == {"chirp3-hd success": 1}
    assert len(world.pauses) == 3
    assert all(before < after for before, after in zip(world.pauses, world.pauses[1:], strict=False))
    assert 1 <= world.pauses[0] <= 2
    assert world.count("tts_google_calls_total", code="RESOURCE_EXHAUSTED") == 3


async def test_waits_for_quota_never_grow_over_thirty_two_seconds() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"] * 12
    spoke(await world.run(Lane.BATCH))
    assert max(world.pauses) <= 33


async def test_a_take_that_somebody_stored_during_the_wait_for_quota_is_used() -> None:
    world = World()
    world.google.fails[CHIRP] = ["RESOURCE_EXHAUSTED"]
    key = take_key("takes", "pip_boy", rendered_job(CHIRP, audio=WAV), 1)

    async def meanwhile(_seconds: float) -> None:
        world.shelf.takes[key] = StoredTake(key, 7, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "v")

    world.pause = meanwhile  # type: ignore[method-assign]
    completion = spoke(await world.run(Lane.BATCH))
    assert completion.audio.cached
    assert world.google.calls == [CHIRP]


async def test_other_failures_fall_back_in_batch_as_in_dialogue_and_quota_of_the_fallback_waits() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["DEADLINE_EXCEEDED"], WAVENET: ["RESOURCE_EXHAUSTED"]})
    completion = spoke(await world.run(Lane.BATCH))
    assert completion.fallback
    assert len(world.pauses) == 1
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}


async def test_quota_of_both_in_dialogue_waits_for_nothing() -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: ["RESOURCE_EXHAUSTED"], WAVENET: ["RESOURCE_EXHAUSTED"]})
    completion = failed(await world.run())
    assert completion.error.failure_class == FailureClass.QUOTA
    assert world.pauses == []


@pytest.mark.parametrize(
    ("voice", "name", "model"),
    [
        ("wavenet", "en-US-Wavenet-I", WAVENET),
        ("chirp3-hd", "en-US-Chirp3-HD-Puck", CHIRP),
        ("en-US-Wavenet-B", "en-US-Wavenet-B", WAVENET),
        ("en-US-Chirp3-HD-Kore", "en-US-Chirp3-HD-Kore", CHIRP),
    ],
)
async def test_a_forced_voice_speaks_whatever_the_rollout_says(voice: str, name: str, model: VoiceModel) -> None:
    for state in (ALL, RolloutState(enabled=False, percentage=0, characters=frozenset())):
        completion = spoke(await World(state).run(voice=voice))
        assert (completion.voice, completion.voice_model) == (name, model)
        assert completion.decision.reason is DecisionReason.FORCED
        assert completion.fallback is False


async def test_the_hand_brake_wins_over_a_forced_chirp_voice() -> None:
    world = World(RolloutState(enabled=False, percentage=FULL, characters=None, braked=True))
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.decision.reason) == ("en-US-Wavenet-I", DecisionReason.BRAKED)
    assert world.google.calls == [WAVENET]


async def test_a_forced_chirp_voice_that_fails_falls_back_to_the_characters_wavenet() -> None:
    world = World()
    world.google.fails[CHIRP] = ["DEADLINE_EXCEEDED"]
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.fallback) == ("en-US-Wavenet-I", True)


@pytest.mark.parametrize("voice", ["chirp3-hd", "en-US-Chirp3-HD-Kore", "en-US-Wavenet-B", "wavenet"])
async def test_a_forced_voice_that_alone_is_denied_makes_a_dead_letter_and_no_fallback(voice: str) -> None:
    world = World()
    world.google.fails = defaultdict(list, {CHIRP: [DENIED], WAVENET: [DENIED]})
    completion = failed(await world.run(voice=voice))
    assert (completion.error.failure_class, completion.error.code) == ("denied", DENIED)
    assert len(completion.attempts) == world.probes == 1
    assert "fallback" not in world.counted()
    assert world.permission.is_allowed


async def test_chirp_denied_alone_falls_back_and_asks_for_no_probe() -> None:
    world = World()
    world.google.fails[CHIRP] = [DENIED]
    assert spoke(await world.run()).fallback
    assert world.probes == 0
    assert world.permission.is_allowed


async def test_when_wavenet_is_denied_too_the_job_waits_until_it_is_allowed_and_then_speaks() -> None:
    world = World(probe=[DENIED, DENIED, None])
    world.google.fails = defaultdict(list, {CHIRP: [DENIED], WAVENET: [DENIED]})
    completion = spoke(await world.run())
    assert (completion.voice_model, completion.fallback) == (WAVENET, True)
    assert [a.result for a in completion.attempts] == [AttemptResult.ERROR, AttemptResult.ERROR, AttemptResult.SUCCESS]
    assert world.probes == 3
    assert world.counted() == {"chirp3-hd error": 1, "wavenet error": 1, "wavenet success": 1, "fallback": 1}


async def test_a_forced_voice_is_tried_anew_when_all_was_denied() -> None:
    world = World(probe=[DENIED, None])
    world.google.fails[CHIRP] = [DENIED]
    completion = spoke(await world.run(voice="en-US-Chirp3-HD-Kore"))
    assert (completion.voice, completion.fallback) == ("en-US-Chirp3-HD-Kore", False)


async def test_with_fallback_off_bad_credentials_keep_the_jobs_too() -> None:
    state = RolloutState(enabled=True, percentage=FULL, characters=None, fallback=False)
    world = World(state, probe=["UNAUTHENTICATED", None])
    world.google.fails[CHIRP] = ["UNAUTHENTICATED"]
    assert spoke(await world.run()).voice_model is CHIRP
    world = World(state)
    world.google.fails[CHIRP] = [DENIED]
    assert failed(await world.run()).error.failure_class == "denied"


async def test_a_language_without_chirp_is_wavenet_by_decision() -> None:
    completion = spoke(await World().run(language="cmn-TW", text="歡迎來到避難所"))
    assert (completion.voice, completion.fallback) == ("cmn-TW-Wavenet-B", False)
    assert completion.decision.reason is DecisionReason.LANGUAGE


async def test_what_the_catalogue_does_not_have_is_an_invalid_job() -> None:
    with pytest.raises(InvalidJob, match="character"):
        await World().run(character="nobody")


async def handled(world: World, value: bytes | None, lane: Lane = Lane.DIALOGUE) -> Outcome:
    record = Record(lane, "tts.dialogue", 0, 0, b"k", value, timestamp_ms=int(NOW.timestamp() * 1000) - 1500)
    outcome = await world.handler.handle(record, world.pause)
    if outcome.completion is not None:
        outcome.completion.model_dump_json().encode()
    return outcome


@pytest.mark.parametrize(
    ("value", "field", "job_id"),
    [
        (None, "record", None),
        (b"\xff", "record", None),
        (b"[" * 100_000, "record", None),
        (b'{"job_id":"../x","character":"pip_boy","text":"hi"}', "job_id", None),
        (b'{"job_id":"a\\n","character":"pip_boy","text":"hi"}', "job_id", None),
        (b'{"job_id":"a","character":"../x","text":"hi"}', "character", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"\\ud800"}', "text", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","labels":{"\\ud800":""}}', "labels", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","language":"de-DE"}', "language", "a"),
        (b'{"job_id":"a","character":"pip_boy","text":"hi","voice":"\\u2028"}', "voice", "a"),
    ],
)
async def test_a_bad_record_is_a_dead_letter_that_names_the_field_and_a_completion_if_it_has_an_id(
    value: bytes | None, field: str, job_id: str | None
) -> None:
    world = World()
    outcome = await handled(world, value)
    assert outcome.dead_letter is not None
    assert outcome.dead_letter.failure_class == "bad_input"
    assert (outcome.dead_letter.field or "").split(".")[0] == field
    assert (outcome.completion.job_id if outcome.completion else None) == job_id
    assert world.count("tts_jobs_total", outcome="rejected", lane="dialogue") == 1
    assert not world.google.calls
    assert not world.shelf.looked_up


async def test_a_good_record_is_handled_and_its_wait_is_told() -> None:
    world = World()
    completion = spoke(await handled(world, job(audio=WAV).model_dump_json(exclude_none=True).encode()))
    assert completion.timings.wait == pytest.approx(1.5)
    assert world.count("tts_jobs_total", outcome="done") == 1
    assert world.count("tts_job_duration_seconds_count", stage="total", lane="dialogue") == 1


async def test_a_fault_of_ours_ends_one_job_and_not_the_worker() -> None:
    world = World()

    async def broken(_key: str) -> None:
        raise RuntimeError("\ud800 oh")

    world.shelf.look_up = broken  # type: ignore[method-assign,assignment]
    outcome = await handled(world, job().model_dump_json(exclude_none=True).encode())
    assert outcome.dead_letter is not None
    assert (outcome.dead_letter.failure_class, outcome.dead_letter.code) == ("internal", "RuntimeError")
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.FAILED
