"""The parsers of what comes from outside, each as a function of any bytes that raises nothing but for a fault."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from schemas import headers as names
from schemas.enums import AudioEncoding, Lane, VoiceModel
from schemas.events import cancellation_headers, feedback_headers, vote_headers
from schemas.feedback import Feedback
from schemas.job import Job
from schemas.message_parsing import InvalidMessageError, parse_cancellation, parse_feedback, parse_vote
from schemas.parsing import InvalidJobError, parse_job
from schemas.ssml import check_ssml
from schemas.vote import Vote
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.mapping.own_columns import read_own_csv
from worker.batch.scripts.text_encoding import UndecodableError, decode
from worker.cli.views.rollout import history_rows, status_document, status_row
from worker.jobs.cancellations import Cancellations
from worker.kafka.consumer import offset_map
from worker.kafka.consumer.offset_tracker import OffsetTracker
from worker.kafka.consumer.record import Record
from worker.kafka.consumer.retry_headers import due_ms, read_history
from worker.kafka.dead_letters.decoder import read_letter
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.feedback_counts import FeedbackCounts
from worker.rollout.analysis.observations import UnreadableAttemptsError, decode_completion, decode_retry
from worker.rollout.analysis.preferences import Votes
from worker.rollout.description import describe
from worker.rollout.log.codec import current_state
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.rehearsal import rehearse
from worker.speech.catalogue_file import load_catalogue
from worker.speech.render import render
from worker.storage.errors import NotATakeError
from worker.storage.metadata import take_from_metadata

_CATALOGUE = load_catalogue()
_NOW = datetime(2026, 11, 28, tzinfo=UTC)
MAX_TEXT_BYTES = 50_000


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: raises nothing, whatever the bytes.
        seeds: good inputs.
        tokens: what its language is made of.
    """

    run: Callable[[bytes], object]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes] = field(default=())


def _message(data: bytes) -> None:
    try:
        job = parse_job(data)
    except InvalidJobError as error:
        (error.field + error.message).encode()
        return
    assert parse_job(job.model_dump_json(exclude_none=True).encode()) == job
    if job.deadline is not None:
        assert job.deadline - timedelta(hours=1) < job.deadline
        assert job.deadline.timestamp() * 1000
    _speak(job)


def _speak(job: Job) -> None:
    with suppress(InvalidJobError):
        job = _CATALOGUE.localized(job)
        _CATALOGUE.admit(job)
        for voice_model in VoiceModel:
            if (voice := _CATALOGUE.voice(job.character, job.language, voice_model)) is not None:
                assert render(job, _CATALOGUE.characters[job.character], voice).inputs


def _people(data: bytes) -> None:
    cancellations = Cancellations(2)
    for parse in (parse_feedback, parse_vote, parse_cancellation):
        try:
            message = parse(data)
        except InvalidMessageError as error:
            (error.field + error.message).encode()
            continue
        assert parse(message.model_dump_json(exclude_none=True).encode()) == message
        if isinstance(message, Feedback):
            assert feedback_headers(message)
            counts = FeedbackCounts(AttemptCounts(timedelta(minutes=1)))
            counts.add(message, _NOW)
            counts.settle(_NOW)
        elif isinstance(message, Vote):
            assert vote_headers(message)
            votes = Votes()
            votes.add(message)
            assert votes.counted + votes.others <= 1
            assert 0 <= votes.preference(message.character, 0.45, 60).share <= 1
        else:
            assert cancellation_headers(message)
            cancellations.note(message)
            assert cancellations.find(message.job_id, message.time) == message.time


def _ssml(data: bytes) -> None:
    ssml = data.decode("utf-8", "replace")
    with suppress(ValueError, InvalidJobError):
        check_ssml(ssml)
        _speak(parse_job(json.dumps({"job_id": "a", "character": "pip_boy", "ssml": ssml}).encode()))


def _plan(data: bytes) -> None:
    with suppress(InvalidFileError):
        plan = parse_plan(data.decode("utf-8", "replace"), "plan.yaml", _CATALOGUE.names).plan
        assert rehearse(plan, timedelta(seconds=1)).stages


def _script(data: bytes) -> None:
    with suppress(UndecodableError):
        text = decode(data).text
        for read in (read_own_csv, read_jsonl):
            for each in read(text, "script", MAX_TEXT_BYTES):
                assert str(each)


def _offset_map(data: bytes) -> None:
    base, form, body = int.from_bytes(data[:8], "big") >> 1, data[8:9] or b"\0", data[9:]
    checksum = zlib.crc32(body, zlib.crc32(f"{base} {form[0]} ".encode())).to_bytes(4, "big")
    for text in (data.decode("latin-1"), base64.b64encode(b"\x01" + form + checksum + body).decode()):
        with suppress(offset_map.BrokenOffsetMapError):
            done = offset_map.decode(base, text)
            assert all(base <= start < end <= 2**63 for start, end in done)
            if len(done) < 100:
                assert offset_map.decode(base, offset_map.encode(base, done)) == done
            tracker = OffsetTracker(base, done)
            tracker.received(base)
            assert tracker.committable <= 2**63


def _metadata(data: bytes) -> None:
    given = [each.decode("utf-8", "replace") for each in data.split(b"\n")]
    fields = ("sha256", "duration", "encoding", "sample-rate", "voice")
    with suppress(NotATakeError):
        take = take_from_metadata("takes/x", 1, dict(zip(fields, given, strict=False)))
        assert 0 <= take.duration_s < 10**6
        assert take.voice.isprintable()


def _revision(data: bytes) -> None:
    log = RevisionLog()
    log.add(data)
    state = current_state(log)
    assert describe(state, _CATALOGUE.names, _NOW)
    history_rows(log.accepted)
    assert status_row(log, _CATALOGUE.names, _NOW)
    assert status_document(log, _CATALOGUE.names, _NOW, 1)
    if state.run is not None:
        with suppress(InvalidFileError):
            assert active_plan(state.run, _CATALOGUE.names).stage(state.run.stage)
        assert state.run.since - timedelta(hours=1)


def _attempts(data: bytes) -> None:
    value, _, header = data.partition(b"\n")
    headers = [("ce_id", b"1"), ("ce_time", header), (names.RETRY_ATTEMPTS, header)]
    counts = AttemptCounts(timedelta(minutes=1))
    for read in (lambda: decode_completion(value, headers), lambda: decode_retry(value, headers, Lane.BATCH)):
        with suppress(UnreadableAttemptsError):
            for each in read():
                counts.add(each, 1, _NOW)
    counts.forget(_NOW)
    assert counts.by_result() is not None


_HEADERS = sorted(names.RETRY_HEADERS | names.LETTER_HEADERS | names.REPLAY_HEADERS)


def _headers(data: bytes) -> None:
    values = data.split(b"\n")
    headers = list(zip(_HEADERS, values, strict=False))
    now_ms = int(_NOW.timestamp() * 1000)
    record = Record(Lane.BATCH, "tts.retry.batch.10s", 0, 1, b"k", data, headers, now_ms, delay="10s")
    history = read_history(record, _NOW)
    assert history.timestamp_ms <= now_ms + 24 * 3600 * 1000
    assert due_ms(record, "10s") <= now_ms + 12_000
    assert names.passed_headers(headers) == []
    raw: Any = SimpleNamespace(
        topic="t", partition=0, offset=1, key=b"k", value=data, headers=headers, timestamp=len(data) ** 9
    )
    assert read_letter(raw, "tts").time.year >= 1970


_JOB = {"job_id": "a-1", "character": "pip_boy", "text": "Hello [pause] there. 中文。", "language": "en-US", "take": 1}
_FULL = _JOB | {
    "audio": {"encoding": "MP3", "sample_rate": 24000},
    "pronunciations": [{"phrase": "ghoul", "phonetic": "ɡuːl", "alphabet": "ipa"}],
    "deadline": "2016-12-31T23:59:60Z",
    "labels": {"a": "b"},
    "speaking_rate": 1.25,
    "pitch": -3,
    "volume_gain_db": 0.5,
    "user_id": "u",
    "voice": "wavenet",
}
_EVENT = {"specversion": "1.0", "type": "t", "source": "s", "id": "1", "data": _JOB}
_REPORT = {"feedback_id": "r-1", "kind": "report", "reason": "robotic", "job_id": "a-1", "user_id": "u"} | {
    "time": "2026-11-28T00:00:00Z",
    "source": "/games/quest",
}
_PRAISE = _REPORT | {"kind": "praise", "reason": "natural", "audio": "https://cdn.example/takes/a.ogg?signature=1"}
_VOTE = {"vote_id": "v-1", "character": "pip_boy", "line": "a", "choice": "first", "listener_id": "l"} | {
    "first": {"audio": "takes/a.ogg", "voice_model": "chirp3-hd", "voice": "en-US-Chirp3-HD-Puck"},
    "second": {"audio": "takes/b.ogg", "voice_model": "wavenet", "voice": "en-US-Wavenet-D"},
    "session": "s",
    "time": "2026-11-28T00:00:00Z",
    "source": "/console",
}
_CANCELLATION = {"cancellation_id": "c-1", "job_id": "a-1", "time": "2026-11-28T00:00:00Z", "source": "/games/quest"}
_SSML = '<speak><p>Hi <break time="1s"/><s>there</s></p><sub alias="x">y</sub><prosody rate="slow">z</prosody></speak>'
# Small: the built-in ones take a tenth of a second each.
_PLAN = b"""version: 1
name: small
expects: {jobs_a_day: 900, shares: {ghoul: 2}}
stages:
  - name: "1"
    percentage: 12.5
    characters: [pip_boy]
    at_least: 24h
    gates: [{measure: error_rate, limit: 0.02, min_sample: 50}]
  - {name: "2", percentage: 100, characters: all, at_least: 1d, approvals: [{name: ok, question: "OK?"}]}
"""
_RUN = {"plan": "p", "text": _PLAN.decode(), "day_s": 60.0, "stage": "1", "phase": "running"} | {
    "since": "2026-11-28T00:00:00Z",
    "stage_revision": 1,
}
_REVISION = {"revision": 1, "base": 0, "id": "x", "time": "2026-11-28T00:00:00Z", "actor": "anna", "reason": ""} | {
    "before": "",
    "after": "",
    "enabled": True,
    "percentage": 5000,
    "characters": None,
    "excluded": ["raider"],
    "quarantined": {"ghoul": "2026-11-29T00:00:00Z"},
    "fallback": True,
    "salt": "",
}
_ATTEMPT = {"id": "1", "voice_model": "chirp3-hd", "voice": "v", "result": "error", "failure_class": "timeout"} | {
    "code": "X",
    "calls": 1,
    "seconds": 1.5,
    "billed_characters": 3,
    "ended_at": "2026-11-28T00:00:00Z",
    "decided": "chirp3-hd",
    "reason": "in_rollout",
    "revision": 3,
}
_COMPLETION = {"lane": "batch", "character": "ghoul", "language": "en-US", "text_characters": 5} | {
    "attempts": [_ATTEMPT],
    "audio": {"cached": True},
    "decision": {"voice_model": "wavenet", "reason": "outside", "revision": 2},
    "voice_model": "wavenet",
    "job_id": "a",
}
_CSV = b'job_id,character,text,audio.sample_rate,labels.a\nd-1,pip_boy,"Hi, ""you""",24000,x\n'
JSON_TOKENS = [
    *(b'{}[]",:'[n : n + 1] for n in range(7)),
    b"null",
    b"true",
    b"1e999",
    b"NaN",
    b"9" * 30,
    b"\\ud800",
    b"\xef\xbb\xbf",
]
_TIMES = [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:60-23:59", b"-1", b"18446744073709551615", b"inf"]


def _dump(*documents: object) -> list[bytes]:
    return [json.dumps(each).encode() for each in documents]


PARSERS: dict[str, Target] = {
    "messages": Target(
        _message,
        _dump(_JOB, _FULL, _EVENT),
        [*JSON_TOKENS, *_TIMES, b"[pause", b"<b>", b"\\u3164", b"zh_Hant_TW", b"\0\0\0\0\1"],
    ),
    "what people say": Target(
        _people,
        _dump(_REPORT, _PRAISE, _VOTE, _VOTE | {"choice": "cannot_use", "fault": {"side": "both", "reason": "noise"}})
        + _dump(_CANCELLATION, _EVENT | {"data": _CANCELLATION}, _EVENT | {"data": _REPORT}),
        [*JSON_TOKENS, *_TIMES, b"s3://", b"?X-Amz-Expires=1&", b"cannot_use", b"\0\0\0\0\1"],
    ),
    "ssml": Target(
        _ssml,
        [_SSML.encode(), b"<speak>a</speak>"],
        [
            b"<p>",
            b"</p>",
            b"<sub alias=''>",
            b"<!DOCTYPE s>",
            b"<!--",
            b"<![CDATA[",
            b"&#0;",
            b"&amp;",
            b"<emphasis>",
            b"\xe3\x85\xa4",
        ],
    ),
    "plans": Target(
        _plan,
        [_PLAN],
        [
            b"0x1F",
            b"1:30",
            b".inf",
            b"&a ",
            b"*a",
            b"<<: *a",
            b"? ",
            b"!!int ",
            b"2026-02-31",
            b"[",
            b"{",
            b"- ",
            b"\n  ",
            b"9" * 40,
        ],
    ),
    "scripts": Target(
        _script,
        [_CSV, *_dump(_JOB), _CSV.decode().encode("utf-16"), b"\xef\xbb\xbf" + _CSV],
        [b'"', b'""', b",", b";", b"\t", b"\r\n", b"\r", b"\0", b"nan", b"1_0", *JSON_TOKENS],
    ),
    "offset maps": Target(
        _offset_map,
        [
            (14).to_bytes(8, "big") + bytes([form]) + body
            for form, body in (
                (0, b"\1\1\2\3"),
                (1, b"\x0e"),
                (2, zlib.compress(b"\1\1")),
                (3, zlib.compress(bytes(999))),
            )
        ],
        [b"\xff", b"\x80", b"\x7f", b"\0"],
    ),
    "takes' metadata": Target(
        _metadata,
        [
            "\n".join(["0" * 64, "1.5", encoding.value, "24000", "en-US-Wavenet-A"]).encode()
            for encoding in AudioEncoding
        ],
        [b"nan", b"inf", b"1e9", b"-", b"_", b"\x1b[31m", b"\xd9\xa1"],
    ),
    "revisions": Target(_revision, _dump(_REVISION, _REVISION | {"run": _RUN}), [*JSON_TOKENS, *_TIMES]),
    "attempts": Target(
        _attempts,
        [
            json.dumps(_COMPLETION).encode() + b"\n2026-11-28T00:00:00Z",
            json.dumps(_JOB).encode() + b"\n" + json.dumps([_ATTEMPT]).encode(),
        ],
        [*JSON_TOKENS, *_TIMES],
    ),
    "headers": Target(
        _headers,
        [b"\n".join([b"1764288000000"] * len(_HEADERS)), b"\n".join([b"2026-11-28T00:00:00Z"] * len(_HEADERS))],
        [*_TIMES, b"\xff", b"batch", b"3f9a"],
    ),
}
