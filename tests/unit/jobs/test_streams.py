"""A job that is heard while its take is made: where its audio comes from, and what follows when something fails."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.audio_stream import AudioSource, StreamEnd, StreamEndStatus
from schemas.enums import AudioEncoding, FailureClass
from tests.unit.makers import CHIRP, WAVENET, audio
from tests.unit.world import World, failed, spoke
from worker.jobs.audio_stream import LARGEST_CHUNK
from worker.storage.errors import StorageUnavailableError

PCM = {"encoding": "PCM", "sample_rate": 24000}
SAMPLES = audio(AudioEncoding.PCM, 1.5)
PIECES = [SAMPLES[:24000], SAMPLES[24000:48000], SAMPLES[48000:]]
STREAM: dict[str, Any] = {"stream": True, "reply_topic": "game", "audio": PCM}


def the_end(world: World, number: int = 1) -> StreamEnd:
    end = world.listener.ends[f"stream-{number}"]
    assert end.chunks == len(world.listener.chunks[end.stream])
    return end


def heard(world: World, number: int = 1) -> bytes:
    return b"".join(world.listener.chunks[f"stream-{number}"])


async def test_a_streamed_line_is_heard_piece_by_piece_and_stored_whole() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    completion = spoke(await world.run(**STREAM))
    assert world.listener.chunks["stream-1"] == PIECES
    assert world.shelf.audio == {completion.audio.key: SAMPLES}
    end = the_end(world)
    assert (end.status, end.source, end.is_take) == (StreamEndStatus.DONE, AudioSource.STREAMED, True)
    assert (end.audio, end.voice_model, end.voice) == (completion.audio, CHIRP, completion.voice)
    assert (world.google.calls, world.counted()) == ([CHIRP], {"chirp3-hd success": 1})
    assert world.count("tts_stream_first_audio_seconds_sum", source="streamed") == pytest.approx(0.2)
    assert world.count("tts_synthesis_duration_seconds_sum") == pytest.approx(0.6)
    assert world.count("tts_streams_total", outcome="done") == world.count("tts_streams_total") == 1


async def test_a_job_without_stream_has_none() -> None:
    world = World()
    spoke(await world.run(reply_topic="game"))
    assert not world.listener.ends
    assert world.count("tts_streams_total") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"audio": {"encoding": "MP3"}},
        {"audio": {"encoding": "MULAW"}},
        {"volume_gain_db": 3.0, "audio": {"encoding": "LINEAR16"}},
        {"text": None, "ssml": "<speak><p>Hello there,</p> wanderer.</speak>", "audio": {"encoding": "LINEAR16"}},
    ],
)
async def test_what_google_streams_not_is_called_for_and_its_whole_answer_cut_into_chunks(
    changes: dict[str, Any],
) -> None:
    world = World()
    sound = audio(AudioEncoding(changes["audio"]["encoding"]), 1.5)
    world.google.fails[CHIRP] = [sound]
    completion = spoke(await world.run(**{**STREAM, **changes}))
    assert heard(world) == sound
    assert all(len(each) <= LARGEST_CHUNK for each in world.listener.chunks["stream-1"])
    assert (the_end(world).source, the_end(world).is_take) == (AudioSource.WHOLE, True)
    assert the_end(world).audio == completion.audio


async def test_a_stored_take_is_sent_as_chunks() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    spoke(await world.run(**STREAM))
    assert spoke(await world.run(**STREAM)).audio.cached
    assert heard(world, 2) == SAMPLES
    assert (the_end(world, 2).source, the_end(world, 2).is_take) == (AudioSource.STORED, True)


async def test_of_two_that_want_the_same_line_one_streams_and_the_other_hears_its_take() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    world.listener.new_id = iter(["stream-1", "stream-2"]).__next__  # type: ignore[method-assign]
    world.pipeline._new_id = world.listener.new_id
    outcomes = await world.run_all({**STREAM, "job_id": "a"}, {**STREAM, "job_id": "b"})
    assert [spoke(each).audio.cached for each in outcomes] == [False, True]
    assert world.google.calls == [CHIRP]
    assert (heard(world, 1), heard(world, 2)) == (SAMPLES, SAMPLES)
    assert [the_end(world, number).source for number in (1, 2)] == [AudioSource.STREAMED, AudioSource.STORED]


async def test_a_stored_take_that_cannot_be_read_ends_the_stream_and_not_the_job() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    spoke(await world.run(**STREAM))
    world.shelf.fails["fetch"] = [StorageUnavailableError("away")]
    completion = spoke(await world.run(**STREAM))
    end = the_end(world, 2)
    assert (end.status, end.chunks, end.audio) == (StreamEndStatus.FAILED, 0, completion.audio)
    assert end.error is not None
    assert end.error.failure_class == "storage"


async def test_before_the_first_audio_wavenet_answers_and_its_whole_answer_is_heard() -> None:
    world = World()
    world.google.streams = [["DEADLINE_EXCEEDED"]]
    world.google.fails[WAVENET] = [audio(AudioEncoding.LINEAR16, 1.5)]
    completion = spoke(await world.run(**STREAM))
    assert (completion.voice_model, completion.fallback) == (WAVENET, True)
    assert (the_end(world).source, the_end(world).voice_model) == (AudioSource.WHOLE, WAVENET)
    assert heard(world) == world.shelf.audio[completion.audio.key]
    assert world.counted() == {"chirp3-hd error": 1, "wavenet success": 1, "fallback": 1}


async def test_before_the_first_audio_a_transient_failure_is_tried_again_at_once() -> None:
    world = World()
    world.google.streams = [["UNAVAILABLE"], [*PIECES]]
    completion = spoke(await world.run(**STREAM))
    assert [each.calls for each in completion.attempts] == [2]
    assert heard(world) == SAMPLES


async def test_what_only_a_stream_refuses_is_spoken_by_calls_in_the_same_attempt() -> None:
    world = World()
    world.google.streams = [["INVALID_ARGUMENT"]]
    completion = spoke(await world.run(**STREAM))
    assert [(each.voice_model, each.calls) for each in completion.attempts] == [(CHIRP, 2)]
    assert (the_end(world).source, completion.voice_model) == (AudioSource.WHOLE, CHIRP)


@pytest.mark.parametrize(
    ("pieces", "failure_class"),
    [
        ([PIECES[0], "UNAVAILABLE"], FailureClass.TRANSIENT),
        ([PIECES[0], "DEADLINE_EXCEEDED"], FailureClass.TIMEOUT),
        ([PIECES[0], "RESOURCE_EXHAUSTED"], FailureClass.QUOTA),
        ([bytes(48000)], FailureClass.BAD_AUDIO),
    ],
)
async def test_after_the_first_audio_nothing_else_speaks_the_attempt_has_failed_and_the_job_may_be_tried_again(
    pieces: list[bytes | str], failure_class: FailureClass
) -> None:
    world = World()
    world.google.streams = [pieces]
    completion = failed(await world.run(**STREAM), retryable=True)
    assert world.google.calls == [CHIRP]
    end = the_end(world)
    assert (end.status, end.chunks, end.is_take, end.audio) == (StreamEndStatus.FAILED, 1, False, None)
    assert end.error == completion.error
    assert completion.error.failure_class == failure_class
    assert [each.falls_back for each in completion.attempts] == [False]
    assert world.counted() == {"chirp3-hd error": 1}
    assert not world.shelf.takes
    assert world.count("tts_streams_total", outcome="broken") == 1


async def test_a_stream_without_any_audio_falls_back() -> None:
    world = World()
    world.google.streams = [[]]
    completion = spoke(await world.run(**STREAM))
    assert completion.attempts[0].failure_class is FailureClass.BAD_AUDIO
    assert completion.voice_model is WAVENET


async def test_the_next_try_is_another_stream() -> None:
    world = World()
    world.google.streams = [[PIECES[0], "UNAVAILABLE"], [*PIECES]]
    failed(await world.run(**STREAM), retryable=True)
    spoke(await world.run(**STREAM))
    assert [the_end(world, number).status for number in (1, 2)] == [StreamEndStatus.FAILED, StreamEndStatus.DONE]
    assert heard(world, 2) == SAMPLES


async def test_who_lost_the_race_for_the_store_has_heard_another_sound_than_the_take() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    spoke(await world.run(**STREAM))
    (first,) = world.shelf.takes.values()
    other = World()
    other.shelf.first = first
    other.google.streams = [[PIECES[0], SAMPLES[:24000], PIECES[2]]]
    completion = spoke(await other.run(**STREAM))
    end = the_end(other)
    assert (end.status, end.is_take, end.audio) == (StreamEndStatus.DONE, False, completion.audio)
    assert completion.audio.sha256 == first.sha256


async def test_a_wav_begins_with_a_header_of_unknown_length_and_is_stored_with_its_own() -> None:
    world = World()
    world.google.streams = [[*PIECES]]
    completion = spoke(await world.run(**{**STREAM, "audio": {"encoding": "LINEAR16"}}))
    stored = world.shelf.audio[completion.audio.key]
    assert stored[44:] == heard(world)[44:] == SAMPLES
    assert int.from_bytes(stored[40:44], "little") == len(SAMPLES)
    assert int.from_bytes(heard(world)[40:44], "little") == 0xFFFFFFFF


async def test_what_was_streamed_and_cannot_be_stored_fails_the_stream_too() -> None:
    world = World(kept_bytes=0)
    world.google.streams = [[*PIECES]]
    world.shelf.fails["store"] = [StorageUnavailableError("away")]
    completion = failed(await world.run(**STREAM), retryable=True)
    assert the_end(world).error == completion.error
    assert completion.error.failure_class == "storage"


async def test_chunks_that_kafka_does_not_take_are_counted_and_the_job_is_done() -> None:
    world = World()
    world.listener.takes_all = False
    world.google.streams = [[*PIECES]]
    spoke(await world.run(**STREAM))
    assert world.count("tts_streams_total", outcome="lost") == 1


async def test_a_line_that_would_be_late_as_a_whole_is_streamed_all_the_same() -> None:
    world = World()
    for _ in range(20):
        world.latency.observe(CHIRP, 100, 60.0)
        world.latency.observe(WAVENET, 100, 0.1)
    world.google.streams = [[*PIECES]]
    late = {"deadline": "2026-01-31T12:00:05Z"}
    assert spoke(await world.run(**STREAM, **late)).voice_model is CHIRP
    assert spoke(await world.run(reply_topic="game", take=2, **late)).voice_model is WAVENET


async def test_how_long_a_stream_takes_says_nothing_about_calls() -> None:
    world = World()
    before = world.latency.expected_s(CHIRP, 100)
    world.google.streams = [[*PIECES]]
    spoke(await world.run(**STREAM))
    assert world.latency.expected_s(CHIRP, 100) == before
