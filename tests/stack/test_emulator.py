"""The TTS emulator, called by Google's own client."""

import asyncio
import io
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from google.api_core import exceptions
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import (
    TextToSpeechGrpcAsyncIOTransport,
)

from loadtest.emulator.server import Emulator, PortTakenError
from loadtest.emulator.settings import ConstantLatency, EmulatorSettings, Fault
from tests.until import HANG_S, until

KORE = "en-US-Chirp3-HD-Kore"
PUCK = "en-US-Chirp3-HD-Puck"
WAVENET = "en-US-Wavenet-C"
TAIWAN = "cmn-TW-Wavenet-A"
LINE = "The caravan leaves at dawn, and we can't wait for the scavengers."
CHINESE_LINE = "商隊黎明就要出發了。我們不能再等那些拾荒者。"
AT_ONCE = EmulatorSettings(latency=ConstantLatency(seconds=0))

Sound = npt.NDArray[np.float64]
Expected = tuple[tuple[int, ...], str, str]


class Speaker:
    """Google's client on an insecure channel."""

    def __init__(self, endpoint: str) -> None:
        self.channel = grpc.aio.insecure_channel(endpoint)
        transport = TextToSpeechGrpcAsyncIOTransport(channel=self.channel)
        self.client = tts.TextToSpeechAsyncClient(transport=transport)

    async def bytes_of(self, text: str = LINE, voice: str = KORE, **config: Any) -> bytes:
        timeout = config.pop("timeout", HANG_S)
        content: dict[str, Any] = {
            field: config.pop(field) for field in ("ssml", "markup", "custom_pronunciations") if field in config
        }
        if not content.keys() & {"ssml", "markup"}:
            content["text"] = text
        answer = await self.client.synthesize_speech(
            input=tts.SynthesisInput(**content),
            voice=tts.VoiceSelectionParams(language_code="-".join(voice.split("-")[:2]), name=voice),
            audio_config=tts.AudioConfig(**{"audio_encoding": "LINEAR16", **config}),
            timeout=timeout,
        )
        return bytes(answer.audio_content)

    async def sound_of(self, text: str = LINE, voice: str = KORE, **config: Any) -> Sound:
        """Mono samples at 24 kHz."""
        return decoded(await self.bytes_of(text, voice, **config))


def decoded(audio: bytes) -> Sound:
    samples, _ = soundfile.read(io.BytesIO(audio))
    return np.asarray(samples, dtype=np.float64)


def seconds(sound: Sound) -> float:
    return sound.size / 24_000


def loudness(sound: Sound) -> float:
    return float(np.sqrt(np.mean(sound**2)))


def fundamental_hz(sound: Sound) -> float:
    """The median of the loud frames' autocorrelation peaks between 50 and 500 Hz."""
    found = []
    for start in range(0, sound.size - 2048, 1024):
        frame = sound[start : start + 2048] * np.hanning(2048)
        if loudness(frame) > 0.02:
            correlation = np.fft.irfft(np.abs(np.fft.rfft(frame, 4096)) ** 2)
            lag = 48 + int(np.argmax(correlation[48:480]))
            if correlation[lag] > 0.4 * correlation[0]:
                found.append(24_000 / lag)
    return float(np.median(found))


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(AT_ONCE) as running:
        yield running


@pytest.fixture
async def speaker(emulator: Emulator) -> AsyncIterator[Speaker]:
    speaker = Speaker(emulator.endpoint)
    yield speaker
    await speaker.channel.close()


@pytest.fixture
async def control(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(emulator.control_url) as session:
        yield session


async def test_english_and_chinese_are_spoken_audibly_and_take_a_plausible_time(speaker: Speaker) -> None:
    for text, voice, shortest, longest in [
        (LINE, KORE, 3.0, 7.0),
        (LINE, WAVENET, 3.0, 7.0),
        (CHINESE_LINE, TAIWAN, 3.5, 8.0),
        (CHINESE_LINE, "cmn-CN-Chirp3-HD-Fenrir", 3.5, 8.0),
    ]:
        sound = await speaker.sound_of(text, voice)
        assert shortest < seconds(sound) < longest
        assert 0.03 < loudness(sound) < 0.3


async def test_voices_differ_in_pitch_as_men_and_women_do(speaker: Speaker) -> None:
    women = [KORE, "en-US-Chirp3-HD-Leda", WAVENET, "en-US-Wavenet-E"]
    men = [PUCK, "en-US-Chirp3-HD-Fenrir", "en-US-Wavenet-A", "en-US-Wavenet-D"]
    pitches = {name: fundamental_hz(await speaker.sound_of(LINE, name)) for name in women + men}
    assert min(pitches[name] for name in women) > 145 > max(pitches[name] for name in men)
    assert len({round(pitch) for pitch in pitches.values()}) >= 6


async def test_rate_pitch_and_gain_change_the_sound(speaker: Speaker) -> None:
    plain = await speaker.sound_of(LINE, WAVENET)
    slow = await speaker.sound_of(LINE, WAVENET, speaking_rate=0.5)
    crawl = await speaker.sound_of("Go away.", WAVENET, speaking_rate=0.25)
    fast = await speaker.sound_of(LINE, WAVENET, speaking_rate=2.0)
    low = await speaker.sound_of(LINE, WAVENET, pitch=-12.0)
    soft = await speaker.sound_of(LINE, WAVENET, volume_gain_db=-6.0)
    assert 1.7 < seconds(slow) / seconds(plain) < 2.5
    assert 1.7 < seconds(plain) / seconds(fast) < 2.5
    assert seconds(crawl) > 1.8
    assert 0.8 < seconds(low) / seconds(plain) < 1.2
    assert fundamental_hz(low) / fundamental_hz(plain) == pytest.approx(0.5, rel=0.15)
    assert loudness(soft) / loudness(plain) == pytest.approx(0.5, rel=0.05)


async def test_chirp_says_a_line_differently_each_time_and_wavenet_does_not(speaker: Speaker) -> None:
    assert await speaker.bytes_of(LINE, KORE) != await speaker.bytes_of(LINE, KORE)
    first, second = await asyncio.gather(
        *(speaker.bytes_of(LINE, WAVENET, audio_encoding="OGG_OPUS") for _ in range(2))
    )
    assert first == second == await speaker.bytes_of(LINE, WAVENET, audio_encoding="OGG_OPUS")
    assert first != await speaker.bytes_of(LINE, WAVENET, audio_encoding="OGG_OPUS", speaking_rate=1.1)


@pytest.mark.parametrize("speech", ["espeak", "canned"])
@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("LINEAR16", ((0, 8_000, 44_100), "WAV", "PCM_16")),
        ("MULAW", ((0, 8_000), "WAV", "ULAW")),
        ("ALAW", ((0, 8_000), "WAV", "ALAW")),
        ("MP3", ((0, 16_000, 44_100), "MP3", "MPEG_LAYER_III")),
        ("OGG_OPUS", ((0, 16_000, 48_000), "OGG", "OPUS")),
    ],
)
async def test_every_encoding_decodes_at_the_requested_rate(
    emulator: Emulator, speaker: Speaker, speech: str, encoding: str, expected: Expected
) -> None:
    rates, container, subtype = expected
    emulator.change_settings({"speech": speech})
    for rate in rates:
        audio = await speaker.bytes_of("Hello there, stranger.", audio_encoding=encoding, sample_rate_hertz=rate)
        info = soundfile.info(io.BytesIO(audio))
        assert (info.samplerate, info.channels) == (rate or 24_000, 1)
        assert (info.format, info.subtype) == (container, subtype)
        assert 0.7 < info.duration < 3.0
        assert loudness(decoded(audio)) > 0.02


async def test_pcm_is_samples_without_a_header(speaker: Speaker) -> None:
    audio = await speaker.bytes_of("Hello there.", WAVENET, audio_encoding="PCM", sample_rate_hertz=16_000)
    samples = np.frombuffer(audio, dtype="<i2")
    assert not audio.startswith(b"RIFF")
    assert 0.5 < samples.size / 16_000 < 2.5
    assert loudness(samples / 32768) > 0.02


async def test_pauses_are_silence(speaker: Speaker) -> None:
    plain = await speaker.sound_of(ssml="<speak>One. Two.</speak>", voice=WAVENET)
    paused = await speaker.sound_of(ssml="<speak>One. <break time='2s'/> Two.</speak>", voice=WAVENET)
    assert seconds(paused) - seconds(plain) == pytest.approx(2.0, abs=0.3)
    long = await speaker.sound_of(markup="One. [pause long] Two.")
    assert longest_silence_s(long) > 1.1


def longest_silence_s(sound: Sound) -> float:
    loud = np.flatnonzero(np.abs(sound) > 0.001)
    return float(np.max(np.diff(loud))) / 24_000


async def test_custom_pronunciations_are_accepted(speaker: Speaker) -> None:
    pronunciations = {
        "pronunciations": [
            {"phrase": "caravan", "phonetic_encoding": "PHONETIC_ENCODING_IPA", "pronunciation": "kærəvæn"}
        ]
    }
    for voice in (KORE, WAVENET):
        assert seconds(await speaker.sound_of(LINE, voice, custom_pronunciations=pronunciations)) > 3.0


async def test_pitch_on_chirp_is_refused_as_google_does(emulator: Emulator, speaker: Speaker) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="does not support pitch parameters at this time"):
        await speaker.bytes_of(pitch=2.0)
    assert emulator.calls.count("chirp3-hd", "INVALID_ARGUMENT") == 1
    assert emulator.calls.billed_characters["total"] == 0


async def test_voices_are_listed_with_genders_by_language(speaker: Speaker) -> None:
    taiwan = (await speaker.client.list_voices(language_code="cmn-TW")).voices
    assert {voice.name: voice.ssml_gender.name for voice in taiwan} == {
        "cmn-TW-Wavenet-A": "FEMALE",
        "cmn-TW-Wavenet-B": "MALE",
        "cmn-TW-Wavenet-C": "MALE",
    }
    everything = (await speaker.client.list_voices()).voices
    assert {KORE, WAVENET} < {voice.name for voice in everything}
    assert all(voice.natural_sample_rate_hertz == 24_000 for voice in everything)


async def test_a_request_without_a_voice_name_gets_one_of_the_language(speaker: Speaker) -> None:
    request = {
        "input": {"text": "Hello."},
        "voice": {"language_code": "en-US", "ssml_gender": "FEMALE"},
        "audio_config": {"audio_encoding": "LINEAR16"},
    }
    answer = await speaker.client.synthesize_speech(request, timeout=HANG_S)
    assert fundamental_hz(decoded(answer.audio_content)) > 145


async def test_other_methods_are_unimplemented(speaker: Speaker) -> None:
    method = speaker.channel.unary_unary(
        "/google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize/SynthesizeLongAudio"
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await method(b"", timeout=HANG_S)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UNAVAILABLE", exceptions.ServiceUnavailable),
        ("INTERNAL", exceptions.InternalServerError),
        ("RESOURCE_EXHAUSTED", exceptions.ResourceExhausted),
        ("PERMISSION_DENIED", exceptions.PermissionDenied),
        ("UNAUTHENTICATED", exceptions.Unauthenticated),
        ("DEADLINE_EXCEEDED", exceptions.DeadlineExceeded),
    ],
)
async def test_a_status_fault_applies_to_its_voice_model_only(
    emulator: Emulator, speaker: Speaker, code: str, error: type[Exception]
) -> None:
    emulator.change_settings({"speech": "canned"})
    emulator.set_faults([Fault(kind="status", code=code, message="out of order", voice_model="chirp3-hd")])
    with pytest.raises(error, match="out of order"):
        await speaker.bytes_of(LINE, KORE)
    assert await speaker.bytes_of(LINE, WAVENET)
    assert emulator.calls.calls == {"chirp3-hd": {code: 1}, "wavenet": {"OK": 1}}


async def test_bad_audio_is_answered_with_ok(emulator: Emulator, speaker: Speaker) -> None:
    whole = await speaker.bytes_of(LINE, WAVENET)
    emulator.set_faults(
        [
            Fault(kind="empty", text_pattern="^empty"),
            Fault(kind="truncated", text_pattern="^The"),
            Fault(kind="silent", text_pattern="^silent"),
            Fault(kind="garbled"),
        ]
    )
    assert await speaker.bytes_of("empty") == b""
    cut = await speaker.bytes_of(LINE, WAVENET)
    assert cut == whole[: len(cut)]
    assert len(cut) < len(whole) / 2
    silence = await speaker.sound_of("silent night")
    assert seconds(silence) > 0.5
    assert not silence.any()
    with pytest.raises(soundfile.LibsndfileError):
        decoded(await speaker.bytes_of("garbled"))
    assert emulator.calls.calls == {"wavenet": {"OK": 2}, "chirp3-hd": {"OK": 3}}


async def test_a_slow_call_takes_its_time_and_others_do_not_wait_for_it(emulator: Emulator, speaker: Speaker) -> None:
    emulator.change_settings({"speech": "canned"})
    await speaker.bytes_of(LINE)
    emulator.set_faults([Fault(kind="slow", seconds=3600, limit=1)])
    slow = asyncio.create_task(speaker.bytes_of(LINE, timeout=3600))
    await until(lambda: emulator.calls.in_flight == 1)
    assert await speaker.bytes_of(LINE)
    assert not slow.done()
    slow.cancel()
    emulator.set_faults([Fault(kind="slow", seconds=0.6)])
    began = time.monotonic()
    await speaker.bytes_of(LINE)
    assert time.monotonic() - began >= 0.6


async def test_a_hanging_call_ends_at_the_clients_deadline(emulator: Emulator, speaker: Speaker) -> None:
    emulator.set_faults([Fault(kind="hang")])
    with pytest.raises(exceptions.DeadlineExceeded):
        # So long that the call arrives before, also in a process that stands still for seconds.
        await speaker.bytes_of(timeout=5)
    await until(lambda: emulator.calls.in_flight == 0)
    hung = asyncio.create_task(speaker.bytes_of(timeout=60))
    await until(lambda: emulator.calls.in_flight == 1)
    hung.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung
    await until(lambda: emulator.calls.in_flight == 0)
    assert emulator.calls.total == 2
    assert emulator.calls.count("chirp3-hd") == 0


async def test_beyond_its_capacity_calls_wait_in_line_and_leave_it_when_they_are_given_up(
    emulator: Emulator, speaker: Speaker
) -> None:
    emulator.change_settings({"speech": "canned", "capacity": 1})
    emulator.set_faults([Fault(kind="slow", seconds=3600, text_pattern="slow")])
    slow = asyncio.create_task(speaker.bytes_of("slow", timeout=3600))
    await until(lambda: emulator.calls.in_flight == 1)
    with pytest.raises(exceptions.DeadlineExceeded):
        await speaker.bytes_of("in line", timeout=1)
    await until(lambda: emulator.calls.in_flight == 1)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await speaker.bytes_of("at once")


async def test_calls_in_progress_do_not_delay_the_stop() -> None:
    async with (
        asyncio.timeout(None) as stopping,
        Emulator(AT_ONCE, faults=[Fault(kind="hang", voice_model="wavenet")]) as emulator,
    ):
        speaker = Speaker(emulator.endpoint)
        calls = [
            asyncio.create_task(speaker.bytes_of(LINE, WAVENET, timeout=3600)),
            asyncio.create_task(speaker.bytes_of(f"{LINE} " * 60, KORE, audio_encoding="OGG_OPUS", timeout=3600)),
        ]
        await until(lambda: emulator.calls.in_flight == 2)
        # Below their time-outs: the stop waits for none of them.
        stopping.reschedule(asyncio.get_running_loop().time() + HANG_S)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, exceptions.GoogleAPICallError) for end in ends)
    await speaker.channel.close()


async def test_past_the_quota_calls_are_refused_until_the_window_has_moved_on(
    emulator: Emulator, speaker: Speaker
) -> None:
    emulator.change_settings({"speech": "canned", "quota": {"chirp3-hd": 3}, "quota_window_s": 3600})
    ends = await asyncio.gather(*(speaker.bytes_of() for _ in range(8)), return_exceptions=True)
    exhausted = [end for end in ends if isinstance(end, exceptions.ResourceExhausted)]
    assert len(exhausted) == 5
    assert "Quota exceeded for quota metric 'chirp3-hd requests'" in str(exhausted[0])
    assert await speaker.bytes_of(LINE, WAVENET)
    emulator.change_settings({"quota_window_s": 0.1})
    await asyncio.sleep(0.2)
    assert await speaker.bytes_of()


async def test_sixty_four_calls_are_answered_concurrently(emulator: Emulator, speaker: Speaker) -> None:
    emulator.change_settings({"speech": "canned"})
    await speaker.bytes_of(LINE)
    emulator.change_settings({"latency": {"kind": "constant", "seconds": 3}})
    emulator.clear_calls()
    await asyncio.gather(*(speaker.bytes_of(LINE) for _ in range(64)))
    assert emulator.calls.count("chirp3-hd") == 64
    assert emulator.calls.highest_in_flight > 16
    assert emulator.calls.billed_characters == {"total": 64 * len(LINE), "chirp3-hd": 64 * len(LINE)}


async def test_slow_encoding_does_not_block_other_calls(emulator: Emulator, speaker: Speaker) -> None:
    emulator.change_settings({"speech": "canned"})
    await speaker.bytes_of("Hi.")
    long = asyncio.create_task(speaker.bytes_of(f"{LINE} " * 24, audio_encoding="OGG_OPUS"))
    await until(lambda: emulator.calls.in_flight == 1)
    await speaker.bytes_of("Hi.")
    assert not long.done()
    assert await long


async def test_settings_are_read_and_changed_through_the_control_api(control: aiohttp.ClientSession) -> None:
    async with control.get("/healthz") as answer:
        assert answer.status == 200
    async with control.patch("/settings", json={"speech": "canned", "quota": "google"}) as answer:
        assert answer.status == 200
        changed = await answer.json()
    assert (changed["speech"], changed["quota"], changed["max_input_bytes"]) == ("canned", "google", 5000)
    async with control.get("/settings") as answer:
        assert await answer.json() == changed


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/settings", {"speech": "sung"}, "speech"),
        ("/settings", {"latency": {"kind": "constant", "seconds": -1}}, "latency.constant.seconds"),
        ("/settings", {"volume": 11}, "volume"),
        ("/settings", [], ""),
        ("/faults", [{"kind": "hang"}, {"kind": "status", "code": "TEAPOT"}], "1.code"),
    ],
)
async def test_the_control_api_explains_what_is_invalid(
    emulator: Emulator, control: aiohttp.ClientSession, path: str, body: Any, field: str
) -> None:
    async with control.request("PUT" if path == "/faults" else "PATCH", path, json=body) as answer:
        assert answer.status == 400
        problems = (await answer.json())["problems"]
    assert problems[0]["field"] == field
    assert problems[0].keys() == {"field", "value", "allowed"}
    assert emulator.settings == AT_ONCE
    assert emulator.faults == []


async def test_a_body_that_is_not_json_and_a_count_that_is_not_a_number_are_bad_requests(
    control: aiohttp.ClientSession,
) -> None:
    async with control.put("/faults", data=b"{nonsense") as answer:
        assert answer.status == 400
    async with control.get("/calls/log?last=many") as answer:
        assert answer.status == 400


async def test_faults_are_set_added_and_removed_through_the_control_api(
    control: aiohttp.ClientSession, speaker: Speaker
) -> None:
    denied = {"kind": "status", "code": "PERMISSION_DENIED", "voice_model": "chirp3-hd"}
    async with control.put("/faults", json=[denied]) as answer:
        assert await answer.json() == [denied]
    async with control.post("/faults", json={"kind": "empty"}) as answer:
        assert await answer.json() == [denied, {"kind": "empty"}]
    with pytest.raises(exceptions.PermissionDenied):
        await speaker.bytes_of()
    async with control.delete("/faults") as answer:
        assert await answer.json() == []
    assert await speaker.bytes_of()


async def test_calls_are_counted_and_logged_through_the_control_api(
    control: aiohttp.ClientSession, speaker: Speaker
) -> None:
    await speaker.bytes_of("Hello.", WAVENET)
    with pytest.raises(exceptions.InvalidArgument):
        await speaker.bytes_of("Hello.", "en-US-Nobody")
    async with control.get("/calls") as answer:
        counts = await answer.json()
    assert counts["calls"] == {"wavenet": {"OK": 1}, "unknown": {"INVALID_ARGUMENT": 1}}
    assert counts["billed_characters"] == {"total": 6, "wavenet": 6}
    async with control.get("/calls/log", params={"last": "1"}) as answer:
        (last,) = await answer.json()
    assert (last["voice"], last["input"], last["code"]) == ("en-US-Nobody", "Hello.", "INVALID_ARGUMENT")
    async with control.delete("/calls") as answer:
        assert (await answer.json())["total"] == 0


async def test_a_port_in_use_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(PortTakenError):
        async with Emulator(AT_ONCE, port=int(emulator.endpoint.rpartition(":")[2])):
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_prints_its_addresses_and_stops_on_a_signal(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtest.emulator",
        "--port",
        "0",
        "--door-port",
        "0",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    addresses = json.loads(await process.stdout.readline())
    speaker = Speaker(addresses["grpc"])
    async with (
        aiohttp.ClientSession(addresses["door"]) as control,
        control.put("/faults", json=[{"kind": "hang"}]) as answer,
    ):
        assert answer.status == 200
    hung = asyncio.create_task(speaker.bytes_of(timeout=3600))
    async with aiohttp.ClientSession(addresses["door"]) as control:

        async def under_way() -> bool:
            async with control.get("/calls") as answer:
                return bool((await answer.json())["in_flight"])

        await until(under_way)
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), HANG_S) == 0
    assert await process.stdout.read() == b""
    with pytest.raises(exceptions.ServiceUnavailable):
        await hung
    await speaker.channel.close()


async def test_invalid_settings_end_the_start(tmp_path: Any) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"speech": "sung"}')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtest.emulator", "--settings", str(file), stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    assert process.returncode == 2
    assert b"speech" in complaint
