"""The JSON Schemas agree with the models, and the committed files are what is generated."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.completion import (
    Attempt,
    Audio,
    Completion,
    DecisionTaken,
    Problem,
    Timings,
)
from schemas.enums import AttemptResult, AudioEncoding, DecisionReason, FailureClass, JobStatus, Lane, VoiceModel
from schemas.generate import TARGET, documents
from schemas.job import Job
from schemas.parsing import parse_job
from tests.unit.makers import fields, good_documents
from tests.unit.rollouts import NOW, states
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.state import RolloutState


def schema(name: str) -> jsonschema.Draft202012Validator:
    document = json.loads((TARGET / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document, format_checker=jsonschema.FormatChecker())


def test_the_committed_files_are_generated_from_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in TARGET.iterdir()}
    assert committed == documents(), "run: python -m schemas.generate"


_JOB = schema("job.schema.json")


@settings(max_examples=100, deadline=None)
@given(good_documents())
def test_every_job_that_the_model_accepts_is_valid_by_the_schema(document: dict[str, Any]) -> None:
    _JOB.validate(document)
    _JOB.validate(json.loads(Job.model_validate(document).model_dump_json(exclude_none=True)))


@pytest.mark.parametrize(
    "change",
    [{"job_id": "../x"}, {"take": 0}, {"unknown": 1}, {"pitch": 21}, {"audio": {"encoding": "WAV"}}, {"language": "x"}],
)
def test_the_schema_rejects_what_it_can_express(change: dict[str, Any]) -> None:
    assert not _JOB.is_valid(fields(**change))


@pytest.mark.parametrize(
    "document",
    [
        {"job_id": "a", "character": "pip_boy"},
        fields(ssml="<speak>x</speak>"),
        fields(text=None, ssml="<speak>x</speak>", pronunciations=[{"phrase": "x", "phonetic": "x"}]),
        *(
            fields(text=text)
            for text in ("", "...", "[pause]", "\u3164", "[pause 2s] x", "<b>x</b>", "x\x07", "中" * 20_000)
        ),
        *(
            fields(text=None, ssml=ssml)
            for ssml in (
                "x",
                "<p>x</p>",
                "<speak/>",
                "<speak><b>x</b></speak>",
                "<speak>[pause] x</speak>",
                "<speak> </speak>",
            )
        ),
        fields(text=None, ssml="<speak>" + "x" * 5000 + "</speak>"),
        *(
            fields(audio={"encoding": encoding, "sample_rate": rate})
            for encoding, rate in (("OGG_OPUS", 44100), ("MP3", 12000))
        ),
        fields(audio={"sample_rate": 44100}),
        fields(audio={"encoding": None, "sample_rate": 44100}),
        *(
            fields(deadline=time)
            for time in ("tomorrow", "2026-02-30T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31T12:00:61Z")
        ),
        *({**fields(), name: "a\n"} for name in ("job_id", "language", "voice", "reply_topic")),
        fields(character="c" * 65),
        fields(user_id="a\x00"),
        fields(labels={"a\x00": "b"}),
        fields(labels={"a": "\x9f"}),
        fields(voice="somebody"),
        fields(language="english"),
        *(
            fields(language=language, pronunciations=[{"phrase": "x", "phonetic": phonetic, "alphabet": alphabet}])
            for language, alphabet, phonetic in (
                ("zh_tw", "ipa", "x"),
                ("cmn-TW", None, "x"),
                ("cmn", "pinyin", "háng"),
                ("yue-HK", "jyutping", "hong"),
                ("en-US", "pinyin", "ni3"),
                (None, "pinyin", "ni3"),
            )
        ),
        fields(text=None, language="zh", ssml="<speak><phoneme alphabet='ipa' ph='x'>a</phoneme></speak>"),
        fields(text=None, ssml="<speak><phoneme alphabet='pinyin' ph='x'>a</phoneme></speak>"),
        {**fields(), "labels": {"a": None}},
        {**fields(), "text": None},
        {**fields(), "job_id": None},
        fields(text=None, ssml="<speak><phoneme alphabet=' IPA ' ph='x'>b</phoneme></speak>", language="cmn-TW"),
    ],
    ids=lambda document: json.dumps(document)[:90],
)
def test_the_schema_refuses_what_the_worker_would(document: dict[str, Any]) -> None:
    assert not _JOB.is_valid(document)


_STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**7)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1.0, 24000.0, 48000, 2.5]),
    st.sampled_from([*AudioEncoding, "en", "zh_TW", "cmn-Hant-TW", "chirp3-hd", "en-US-Wavenet-B", "x-sampa", ""]),
    st.sampled_from(
        ["2016-12-31T23:59:60Z", "2024-02-29 12:00:00.5+23:59", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n"]
    ),
    st.text(max_size=12),
    st.text(st.sampled_from("[pause] <b>./&;ab中\u3164\n\x07\ud800\U0001f642"), max_size=30),
    st.from_regex(r"^\[/?(pause|voice|rate)( short)?\]?", fullmatch=True),
    st.just("中" * 16_667),
    st.lists(st.just({"phrase": "a", "phonetic": "b", "alphabet": None}), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "encoding": st.none() | st.sampled_from(AudioEncoding),
            "sample_rate": st.sampled_from([None, 12000, 44100, 8e3]),
        },
    ),
)


@settings(max_examples=300, deadline=None)
@given(good_documents(), st.dictionaries(st.sampled_from([*Job.model_fields, "x"]), _STRANGE, max_size=4), st.data())
def test_what_is_valid_by_the_schema_is_a_job(
    document: dict[str, Any], changes: dict[str, Any], data: st.DataObject
) -> None:
    document |= changes
    for field in data.draw(st.sets(st.sampled_from(sorted(document)), max_size=2)):
        del document[field]
    assume(_JOB.is_valid(document))
    # What a schema can't say: whether XML is well-formed, and that no phrase stands twice.
    assume(document.get("ssml") is None or "Hi <break" in document["ssml"])
    phrases = [each["phrase"] for each in document.get("pronunciations") or ()]
    assume(len(set(phrases)) == len(phrases))
    parse_job(json.dumps(document).encode())


def test_a_full_and_an_empty_completion_are_valid_by_the_schema() -> None:
    validator = schema("completion.schema.json")
    full = Completion(
        job_id="a",
        status=JobStatus.DONE,
        lane=Lane.DIALOGUE,
        character="pip_boy",
        language="en-US",
        text_characters=5,
        labels={"a": "b"},
        audio=Audio(
            uri="s3://b/k",
            bucket="b",
            key="k",
            bytes=1,
            duration_s=1.0,
            encoding=AudioEncoding.MP3,
            sample_rate=24000,
            sha256="00",
            cached=False,
        ),
        decision=DecisionTaken(
            voice_model=VoiceModel.CHIRP3_HD, reason=DecisionReason.IN_ROLLOUT, bucket=9999, revision=0, percentage=12.5
        ),
        voice_model=VoiceModel.WAVENET,
        voice="en-US-Wavenet-A",
        fallback=True,
        timings=Timings(wait=0, look_up=0, speak=1, store=0, total=1),
        attempts=(
            Attempt(
                id="1",
                voice_model=VoiceModel.CHIRP3_HD,
                voice="en-US-Chirp3-HD-Puck",
                result=AttemptResult.ERROR,
                failure_class=FailureClass.TIMEOUT,
                code="DEADLINE_EXCEEDED",
                message="slow",
                calls=1,
                seconds=5.0,
                billed_characters=0,
                ended_at="2026-01-31T12:00:00Z",
            ),
        ),
        error=Problem(failure_class="timeout", code="X", message="y", field="text"),
    )
    for completion in (full, Completion(job_id="a", status=JobStatus.FAILED, lane=Lane.BATCH)):
        validator.validate(json.loads(completion.model_dump_json(exclude_none=True)))
        validator.validate(json.loads(completion.model_dump_json()))


@settings(max_examples=50, deadline=None)
@given(states, states)
def test_every_revision_is_valid_by_the_schema(before: RolloutState, after: RolloutState) -> None:
    made = to_revision(before, after, Provenance("anna", "why not"), time=NOW, identity="x")
    schema("revision.schema.json").validate(json.loads(made.model_dump_json()))
