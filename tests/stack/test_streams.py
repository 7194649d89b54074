"""Lines that are heard while they are made: chunks in the reply topic, and what comes of them when something fails."""

import hashlib
from collections import defaultdict

import aiohttp
import pytest

from schemas.audio_stream import AudioSource, StreamEnd, StreamEndStatus
from schemas.completion import Completion
from schemas.enums import FailureClass, JobStatus, VoiceModel
from schemas.events import AUDIO_CHUNK_TYPE, COMPLETION_TYPE, STREAM_END_TYPE
from tests.stack.deployment import job

REPLIES = "tts.replies.game"
CHIRP_ALONE = {"CHIRP3_ROLLOUT_PERCENTAGE": "100"}


class Heard:
    """What a client of the reply topic has of one stream."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.types: set[str] = set()
        self.end: StreamEnd | None = None

    @property
    def audio(self) -> bytes:
        return b"".join(self.chunks)


async def hear(deployment, completions: int) -> tuple[dict[str, list[Heard]], dict[str, Completion]]:
    """All streams of each job in their order, and the completions, once there are so many."""
    records = await deployment.read(REPLIES, completions, wanted=lambda record: kind(record) == COMPLETION_TYPE)
    streams: dict[str, dict[str, Heard]] = defaultdict(lambda: defaultdict(Heard))
    ended = {}
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        if kind(record) == COMPLETION_TYPE:
            completion = Completion.model_validate_json(record.value)
            ended[completion.job_id] = completion
            continue
        assert record.key.decode() == headers["ce_subject"]
        heard = streams[headers["ce_subject"]][headers["ce_stream"]]
        assert heard.end is None
        if kind(record) == STREAM_END_TYPE:
            heard.end = StreamEnd.model_validate_json(record.value)
        else:
            assert kind(record) == AUDIO_CHUNK_TYPE
            heard.chunks.append(record.value)
            heard.types.add(headers["content-type"])
            assert headers["ce_number"] == str(len(heard.chunks))
    return {job_id: list(of_job.values()) for job_id, of_job in streams.items()}, ended


def kind(record) -> str:
    return dict(record.headers)["ce_type"].decode()


def streamed(deployment, number: int, **fields: object) -> dict:
    return job(number, reply_topic=deployment.topic(REPLIES), stream=True, **fields)


async def test_a_streamed_line_is_heard_in_chunks_that_are_the_stored_take(deployment):
    await deployment.create_topic(REPLIES, 3)
    encodings = ("OGG_OPUS", "PCM", "LINEAR16", "MP3", "MULAW")
    jobs = [
        streamed(deployment, number, audio={"encoding": encoding, "sample_rate": 24000})
        for number, encoding in enumerate(encodings)
    ]
    with deployment.worker(REPLY_TOPICS=deployment.topic(REPLIES), **CHIRP_ALONE):
        await deployment.produce(jobs)
        streams, ended = await hear(deployment, len(jobs))
        async with deployment.store() as store:
            takes = {name: await store.fetch(completion.audio.key) for name, completion in ended.items()}
    for number, encoding in enumerate(encodings):
        ((heard,), completion) = streams[f"job-{number}"], ended[f"job-{number}"]
        take = takes[f"job-{number}"]
        assert heard.end.status is StreamEndStatus.DONE, heard.end
        assert (heard.end.chunks, heard.end.is_take) == (len(heard.chunks), True)
        assert heard.end.audio == completion.audio
        assert heard.end.voice_model is completion.voice_model is VoiceModel.CHIRP3_HD
        assert hashlib.sha256(take).hexdigest() == completion.audio.sha256
        by_stream = encoding in {"OGG_OPUS", "PCM", "LINEAR16"}
        assert heard.end.source is (AudioSource.STREAMED if by_stream else AudioSource.WHOLE)
        assert (len(heard.chunks) > 2) is by_stream
        # Of a WAV whose end isn't known yet, the header says another length.
        begin = 44 if encoding == "LINEAR16" else 0
        assert heard.audio[begin:] == take[begin:], encoding
        assert len(completion.attempts) == 1


async def test_before_the_first_audio_wavenet_answers_and_after_it_the_stream_breaks_off_and_begins_anew(deployment):
    await deployment.create_topic(REPLIES, 3)
    await deployment.create_topic("tts.retry.dialogue.1s", 1)
    await deployment.set_faults(
        {"kind": "status", "code": "INVALID_ARGUMENT", "voice_model": "chirp3-hd", "text_pattern": "number 0"},
        {"kind": "break", "code": "INTERNAL", "chunks": 2, "limit": 1, "text_pattern": "number 1"},
        {"kind": "silent", "limit": 1, "text_pattern": "number 2"},
        {"kind": "break", "code": "INVALID_ARGUMENT", "text_pattern": "number 3"},
    )
    settings = {"RETRY_DIALOGUE": "1s"}
    with deployment.worker(REPLY_TOPICS=deployment.topic(REPLIES), **CHIRP_ALONE, **settings):
        await deployment.produce(streamed(deployment, number) for number in range(4))
        streams, ended = await hear(deployment, 4)
    (fallen_back,) = streams["job-0"]
    assert (fallen_back.end.source, fallen_back.end.voice_model) == (AudioSource.WHOLE, VoiceModel.WAVENET)
    assert ended["job-0"].fallback
    for number, failure_class in ((1, "transient"), (2, "bad_audio")):
        broken, whole = streams[f"job-{number}"]
        assert (broken.end.status, broken.end.error.failure_class) == (StreamEndStatus.FAILED, failure_class)
        assert broken.end.chunks == len(broken.chunks) > 0
        assert broken.end.audio is None
        assert (whole.end.status, whole.end.is_take) == (StreamEndStatus.DONE, True)
        completion = ended[f"job-{number}"]
        assert hashlib.sha256(whole.audio).hexdigest() == completion.audio.sha256
        assert [each.falls_back for each in completion.attempts] == [False, False], "no voice changes in a line"
    (refused,) = streams["job-3"]
    assert (refused.end.status, ended["job-3"].status) == (StreamEndStatus.FAILED, JobStatus.FAILED)
    assert refused.chunks


async def test_a_stream_that_stalls_is_given_up(deployment):
    await deployment.create_topic(REPLIES, 3)
    await deployment.create_topic("tts.retry.dialogue.1s", 1)
    await deployment.set_faults({"kind": "stall", "chunks": 1, "limit": 1})
    settings = {"RETRY_DIALOGUE": "1s", "TTS_STREAM_IDLE_S": "1"}
    with deployment.worker(REPLY_TOPICS=deployment.topic(REPLIES), **CHIRP_ALONE, **settings):
        await deployment.produce([streamed(deployment, 0)])
        streams, ended = await hear(deployment, 1)
    stalled = streams["job-0"][0]
    assert (stalled.end.status, stalled.end.error.code) == (StreamEndStatus.FAILED, "DEADLINE_EXCEEDED")
    assert len(stalled.chunks) == 1
    assert ended["job-0"].attempts[0].failure_class is FailureClass.TIMEOUT


async def test_a_client_of_the_http_api_hears_a_line_before_it_is_made_to_its_end(deployment):
    await deployment.emulator(streaming={"first_s": 0.02, "chunk_s": 0.2, "speed": 1})
    text = "The road north of the old town is closed until the caravan has passed."
    line = {"job_id": "early", "character": "codsworth", "text": text}
    with deployment.worker(**CHIRP_ALONE), deployment.http_api() as (_, api):
        async with aiohttp.ClientSession(api) as client:
            async with client.post("/v1/lines?stream=true", json=line) as answer:
                assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/ogg")
                first = await answer.content.readany()
                async with client.get("/v1/lines/early") as asked:
                    assert (await asked.json())["state"] == "queued", "it is heard while it is made"
                # Who comes later hears all of it too.
                async with client.get("/v1/lines/early/audio") as other:
                    heard = first + await answer.read()
                    assert await other.read() == heard
            async with client.get("/v1/lines/early?wait=60s") as asked:
                audio = (await asked.json())["completion"]["audio"]
            assert hashlib.sha256(heard).hexdigest() == audio["sha256"]
            async with client.post("/v1/lines?stream=true", json={**line, "job_id": "stored"}) as answer:
                assert await answer.read() == heard, "a stored take comes the same way"
            await deployment.set_faults({"kind": "break", "code": "INTERNAL", "chunks": 2})
            broken = {**line, "job_id": "broken", "take": 2}
            async with client.post("/v1/lines?stream=true", json=broken) as answer:
                assert answer.status == 200
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()


async def test_a_long_line_is_one_stream_of_all_its_parts(deployment):
    await deployment.create_topic(REPLIES, 3)
    text = " ".join(f"This is sentence number {number} of a long letter." for number in range(120))
    assert len(text) > 5_000, "more than one input"
    # Minutes of sound, which nobody encodes.
    audio = {"encoding": "PCM", "sample_rate": 8000}
    await deployment.emulator(streaming={"first_s": 0.02, "chunk_s": 10.0, "speed": 1000})
    with deployment.worker(REPLY_TOPICS=deployment.topic(REPLIES), **CHIRP_ALONE):
        await deployment.produce([streamed(deployment, 0, text=text, audio=audio)])
        streams, ended = await hear(deployment, 1)
    ((heard,), completion) = streams["job-0"], ended["job-0"]
    assert hashlib.sha256(heard.audio).hexdigest() == completion.audio.sha256
    assert [each.calls for each in completion.attempts] == [1]
    assert heard.end.source is AudioSource.STREAMED


async def test_after_a_kill_a_stream_begins_anew_under_another_id(deployment):
    await deployment.create_topic(REPLIES, 3)
    await deployment.set_faults({"kind": "stall", "chunks": 2, "limit": 1})
    settings = {"REPLY_TOPICS": deployment.topic(REPLIES), **CHIRP_ALONE}
    with deployment.worker(**settings) as (process, _):
        await deployment.produce([streamed(deployment, 0)])
        # Both chunks that come before Google stalls.
        await deployment.read(REPLIES, 2)
        process.kill()
    with deployment.worker("other", **settings):
        streams, ended = await hear(deployment, 1)
    cut, whole = streams["job-0"]
    assert (len(cut.chunks), cut.end) == (2, None)
    assert hashlib.sha256(whole.audio).hexdigest() == ended["job-0"].audio.sha256
