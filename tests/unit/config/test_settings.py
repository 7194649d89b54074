"""A wrong setting stops the start with one line that names the variable, the value and what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from schemas.enums import Lane
from schemas.errors import UsageError
from schemas.topics import RETRY_DELAYS
from tests.unit.makers import CATALOGUE
from worker.app.rollout_seed import rollout_state
from worker.cli.views.settings import settings_rows
from worker.config.sections import (
    CircuitSettings,
    ControllerSettings,
    DeliverySettings,
    GoogleSettings,
    KafkaSettings,
    QuotaSettings,
    RolloutSettings,
    StorageSettings,
    WorkerSettings,
)
from worker.config.settings import load_settings, variables
from worker.rollout.state import RolloutState

SECONDS = ["0", "-1", "nan", "inf", "1e400", "soon", "1s"]
SECONDS_OR_NONE = SECONDS[1:]
FLAGS = ["maybe", "2", "truee", " ", "tru e"]
DELAYS = [",", " ", "10", "0s", "-1s", "1.5m", "1d", "10s,10s", "10s,none", "10s;1m", "100000s", "1m\n,x"]
BYTES = ["\udcff"]  # how os.environ shows a byte that isn't UTF-8
PER_MINUTE = ["-1", "1000001", "1.5", "many"]
WRONG = {
    "KAFKA_BOOTSTRAP_SERVERS": ["localhost", "a:b", "a:1,", "a:1 b:2", "kafka://a:1", ":9092"],
    "KAFKA_GROUP_ID": BYTES,
    "KAFKA_GROUP_INSTANCE_ID": BYTES,
    "KAFKA_TOPIC_PREFIX": ["a b", "a/b", "é", "x" * 101, "a\n"],
    "KAFKA_IDEMPOTENCE": FLAGS,
    "KAFKA_SESSION_TIMEOUT_S": SECONDS,
    "KAFKA_MAX_POLL_INTERVAL_S": SECONDS,
    "COMMIT_INTERVAL_S": SECONDS,
    "REVOKE_WAIT_S": SECONDS_OR_NONE,
    "DELIVERY": ["at-most-once", "EXACTLY-ONCE", " "],
    "RETRY_DIALOGUE": DELAYS,
    "RETRY_BATCH": DELAYS,
    "LANE_PAUSE_SHARE": ["0", "-0.1", "1.01", "90%", "nan", "inf", "most"],
    "LANE_PAUSE_WINDOW": ["0", "-1", "100001", "1.5", "many"],
    "LANE_PROBE_INTERVAL_S": SECONDS,
    "S3_ENDPOINT_URL": ["localhost:8333", "ftp://x", "http://", "http://a b"],
    "S3_BUCKET": ["A", "ab_c", "a", "-abc", "abc-", "../x", "a" * 64, "abc\n"],
    "S3_PREFIX": ["/a", "a/", "a//b", "..", "a/../b", "a/..", ".a", "a b", "a\n", "a\\b", "é"],
    "S3_REGION": BYTES,
    "S3_ACCESS_KEY_ID": ["only-the-id"],
    "S3_SECRET_ACCESS_KEY": ["hunter2"],
    "S3_CHECKSUMS": ["never", "WHEN_REQUIRED"],
    "S3_TIMEOUT_S": SECONDS,
    "S3_PROBE_INTERVAL_S": SECONDS,
    "KEPT_AUDIO_MB": ["-1", "some", "1.5"],
    "REPLY_TOPICS": [",", "a b", "game/1", "x" * 250],
    "KNOWN_TAKES": ["-1", "1000001", "many"],
    "KNOWN_TAKES_S": ["0", "-1", "soon"],
    "TTS_ENDPOINT": ["https://texttospeech.googleapis.com", "a:b", "a b", "host:1/x"],
    "TTS_PLAINTEXT": FLAGS,
    "TTS_TIMEOUT_BASE_S": SECONDS,
    "TTS_TIMEOUT_PER_CHARACTER_S": SECONDS_OR_NONE,
    "TTS_TIMEOUT_MAX_S": SECONDS,
    "TTS_QUICK_RETRY_AFTER_S": SECONDS_OR_NONE,
    "TTS_PROBE_INTERVAL_S": SECONDS,
    "QUOTA_CHIRP3_PER_MINUTE": PER_MINUTE,
    "QUOTA_WAVENET_PER_MINUTE": PER_MINUTE,
    "QUOTA_TOTAL_PER_MINUTE": PER_MINUTE,
    "QUOTA_DIALOGUE_RESERVE": ["-0.1", "0.91", "half", "nan"],
    "QUOTA_DIALOGUE_WAIT_S": SECONDS_OR_NONE,
    "CIRCUIT_SHARE": ["0", "1.1", "-1", "half"],
    "CIRCUIT_WINDOW_S": SECONDS,
    "CIRCUIT_MINIMUM": ["0", "100001", "1.5", "ten"],
    "CIRCUIT_COOL_DOWN_S": SECONDS,
    "CHIRP3_ENABLED": FLAGS,
    "CHIRP3_ROLLOUT_PERCENTAGE": [
        *("12.345", "100.01", "-1", "-0.01", "nan", "snan", "inf", "-inf", "1e3", "1e999999", "1e-3", "0x10", "10%%"),
        *("ten", "%", " ", "1,5", "1/2", "12.500000000000000000000000000000000001", "1e99999999999"),
    ],
    "CHIRP3_ENABLED_CHARACTERS": [",", " , ", ",,"],
    "CHIRP3_EXCLUDED_CHARACTERS": [","],
    "CHIRP3_FALLBACK_TO_WAVENET": FLAGS,
    "CHIRP3_SALT": BYTES,
    "ROLLOUT_SOURCE": ["kafka", "ENV", "Topic"],
    "ROLLOUT_ROUND_S": [*SECONDS, "301"],
    "PROMETHEUS_URL": ["prometheus:9090", "ftp://x", "http://", "http://a b"],
    "PROMETHEUS_TIMEOUT_S": SECONDS,
    "ROLLOUT_WEBHOOKS": [",", "https://hooks", "team", "team=", "team=hooks", "=https://x", "te am=https://x"],
    "MAX_IN_FLIGHT": ["0", "4097", "-1", "1.5", "many", "1e2"],
    "DIALOGUE_SHARE": ["1", "-0.1", "25%", "nan"],
    "MAX_TEXT_BYTES": ["0", "1000001", "x"],
    "SHUTDOWN_GRACE_S": SECONDS,
    "HTTP_HOST": BYTES,
    "HTTP_PORT": ["-1", "65536", "http"],
    "LOG_LEVEL": ["INFO", "verbose"],
}
ANY_PATH = {"CHARACTERS_FILE"}


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(environment)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    message.encode()
    return message


@pytest.mark.parametrize("name", ["tts.batch", "tts.retry.batch.5m", "tts.completions", "tts.rollout"])
def test_no_topic_of_the_workers_own_may_be_replied_to(name: str) -> None:
    assert refused({"REPLY_TOPICS": f"game-1,{name}"}).startswith(f"REPLY_TOPICS={name!r}: is one of the worker's own")
    ours = name.replace("tts", "staging", 1)
    assert "own topics" in refused({"REPLY_TOPICS": ours, "KAFKA_TOPIC_PREFIX": "staging"})
    settings = load_settings({"REPLY_TOPICS": "game-1, tts.replies.game-2,", "KAFKA_TOPIC_PREFIX": "tts"})
    assert settings.delivery.reply_topics == {"game-1", "tts.replies.game-2"}


def test_every_variable_stands_in_this_test() -> None:
    parts = (
        *(KafkaSettings, DeliverySettings, StorageSettings, GoogleSettings),
        *(QuotaSettings, CircuitSettings, RolloutSettings, ControllerSettings, WorkerSettings),
    )
    assert {variable for part in parts for variable in variables(part)} == WRONG.keys() | ANY_PATH


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_told_in_one_line_with_variable_value_and_what_is_allowed(variable: str, value: str) -> None:
    message = refused({variable: value})
    assert variable in message
    if variable == "ROLLOUT_WEBHOOKS":
        assert message.startswith("ROLLOUT_WEBHOOKS='***': allowed is ")
    elif not variable.startswith(("S3_ACCESS", "S3_SECRET")):
        assert message.startswith(f"{variable}={value!r}: allowed is ")
        assert len(message) > len(f"{variable}={value!r}: allowed is ") + 3


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WRONG)), st.text(st.characters(exclude_categories=()), max_size=12))
def test_any_value_of_any_variable_is_taken_or_refused_in_one_line(variable: str, value: str) -> None:
    try:
        load_settings({variable: value})
    except UsageError:
        assert variable in refused({variable: value})


def test_without_any_variable_all_settings_have_their_defaults() -> None:
    settings = load_settings({})
    assert settings.worker.max_in_flight == 64
    assert settings.worker.max_text_bytes == 50_000
    assert settings.kafka.revoke_wait_s == 3.0
    assert settings.rollout.percentage == 0
    assert settings.rollout.fallback is True
    quota = settings.quota
    assert (quota.chirp3_per_minute, quota.wavenet_per_minute, quota.total_per_minute) == (200, 1000, 1000)
    assert quota.dialogue_wait_s == 0.25


def test_without_any_variable_delivery_is_at_least_once_with_the_issues_figures() -> None:
    delivery = load_settings({}).delivery
    assert delivery.guarantee == "at-least-once"
    assert delivery.retry_delays == RETRY_DELAYS
    assert (delivery.bad_input_share, delivery.bad_input_window, delivery.bad_input_probe_s) == (0.9, 500, 60.0)


@pytest.mark.parametrize(
    ("written", "delays"),
    [("10s", ("10s",)), (" 10s , 1m,,2h ", ("10s", "1m", "2h")), ("none", ()), ("1h,1s", ("1h", "1s")), ("", ("10s",))],
)
def test_the_delays_of_a_lane_are_a_list_in_order_or_none(written: str, delays: tuple[str, ...]) -> None:
    delivery = load_settings({"RETRY_DIALOGUE": written}).delivery
    assert delivery.retry_delays == {**RETRY_DELAYS, Lane.DIALOGUE: delays}


def test_exactly_once_wants_an_id_that_stays_and_the_idempotent_producer() -> None:
    wanted = {"DELIVERY": "exactly-once", "KAFKA_GROUP_INSTANCE_ID": "worker-1"}
    assert load_settings(wanted).delivery.guarantee == "exactly-once"
    assert "KAFKA_GROUP_INSTANCE_ID" in refused({"DELIVERY": "exactly-once"})
    assert "KAFKA_GROUP_INSTANCE_ID" in refused({**wanted, "KAFKA_GROUP_INSTANCE_ID": ""})
    assert "KAFKA_IDEMPOTENCE" in refused({**wanted, "KAFKA_IDEMPOTENCE": "false"})


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_IN_FLIGHT", "7")
    assert load_settings().worker.max_in_flight == 7


def test_variables_of_others_and_empty_ones_change_nothing() -> None:
    assert load_settings({"PATH": "/bin", "MAX_IN_FLIGHT": "", "CHIRP3_ENABLED": ""}) == load_settings({})


@pytest.mark.parametrize("variable", ["CHIRP3_ENABLE", "CHIRP3_PERCENTAGE", "ROLLOUT_SORCE", "CHIRP3_"])
def test_a_misspelt_rollout_variable_is_refused_with_those_that_exist(variable: str) -> None:
    message = refused({variable: "1\n2"})
    assert message.startswith(f"{variable}='1\\n2'")
    assert "CHIRP3_ROLLOUT_PERCENTAGE" in message


@pytest.mark.parametrize(
    ("written", "hundredths"),
    [
        *(("0", 0), ("100", 10_000), ("12.5", 1_250), ("12.34", 1_234), ("99.99", 9_999), ("0.01", 1), ("1e2", 10_000)),
        *(("10%", 1_000), (" 10 % ", 1_000), ("7.00", 700), ("7.000", 700), ("", 0), ("00", 0), (".5", 50)),
        *(("0.07", 7), ("0.29", 29), ("1.15", 115), ("4.35", 435)),  # where floats are off by one
    ],
)
def test_a_percentage_is_exact_in_hundredths(written: str, hundredths: int) -> None:
    assert load_settings({"CHIRP3_ROLLOUT_PERCENTAGE": written}).rollout.percentage == hundredths


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000))
def test_every_hundredth_can_be_written(hundredths: int) -> None:
    written = f"{hundredths // 100}.{hundredths % 100:02}"
    assert load_settings({"CHIRP3_ROLLOUT_PERCENTAGE": written}).rollout.percentage == hundredths


@pytest.mark.parametrize("variable", ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"])
def test_a_key_without_its_other_half_is_refused_and_no_secret_is_shown(variable: str) -> None:
    message = refused({variable: "hunter2"})
    assert "S3_ACCESS_KEY_ID" in message
    assert "S3_SECRET_ACCESS_KEY" in message
    assert "hunter2" not in message


def test_the_secret_is_masked_wherever_settings_are_shown() -> None:
    settings = load_settings({"S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "hunter2"})
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter2" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "https://anna:hunter2@prometheus 9090",
        "anna:hunter2@prometheus",
        "http:/anna:hunter2@p",
        "http://a:hun ter2@p@q",
    ],
)
def test_the_password_of_an_address_that_is_refused_is_masked(url: str) -> None:
    message = refused({"PROMETHEUS_URL": url})
    assert "ter2" not in message
    assert "***@" in message


def test_the_password_of_an_address_is_masked_where_settings_are_shown_and_its_host_is_not() -> None:
    settings = load_settings({"PROMETHEUS_URL": "https://anna:hunter2@prometheus:9090"})
    (row,) = [row for row in settings_rows(settings) if row["variable"] == "PROMETHEUS_URL"]
    assert row["value"] == "https://***@prometheus:9090"
    assert settings.controller.prometheus_url == "https://anna:hunter2@prometheus:9090"


def test_of_the_webhooks_the_audiences_are_shown_and_never_an_address() -> None:
    settings = load_settings({"ROLLOUT_WEBHOOKS": "team=https://hooks/hunter2, players=http://hooks/hunter2?a=b"})
    assert {name: url.get_secret_value() for name, url in settings.controller.webhooks.items()} == {
        "team": "https://hooks/hunter2",
        "players": "http://hooks/hunter2?a=b",
    }
    for shown in (repr(settings), settings.model_dump_json()):
        assert "hunter2" not in shown
    (row,) = [row for row in settings_rows(settings) if row["variable"] == "ROLLOUT_WEBHOOKS"]
    assert row["value"] == "players=***,team=***"


@pytest.mark.parametrize("written", ["true", "TRUE", "1", "yes", "on", " True "])
def test_a_flag_may_be_written_in_several_ways(written: str) -> None:
    assert load_settings({"CHIRP3_ENABLED": written}).rollout.enabled is True


def state_of(**rollout: str) -> RolloutState:
    return rollout_state(load_settings({f"CHIRP3_{name}": value for name, value in rollout.items()}).rollout, NAMES)


NAMES = CATALOGUE.names


def test_an_empty_list_means_all_and_says_so_aloud() -> None:
    for listed in ({}, {"ENABLED_CHARACTERS": ""}, {"ENABLED_CHARACTERS": "  "}):
        state = state_of(ENABLED="true", ROLLOUT_PERCENTAGE="10", **listed)
        assert state.characters is None
        assert "empty list" in state.describe(NAMES)
        assert "all 14" in state.describe(NAMES)
        assert "10 %" in state.describe(NAMES)


def test_none_means_none() -> None:
    state = state_of(ENABLED="true", ROLLOUT_PERCENTAGE="100", ENABLED_CHARACTERS="none")
    assert state.characters == frozenset()
    assert "off" in state.describe(NAMES)


def test_a_list_names_its_characters() -> None:
    state = state_of(ENABLED="1", ROLLOUT_PERCENTAGE="12.5", ENABLED_CHARACTERS=" ghoul , pip_boy,")
    assert state.characters == {"ghoul", "pip_boy"}
    assert state.describe(NAMES) == "ghoul, pip_boy at 12.5 %"


def test_an_excluded_character_is_said_while_the_list_says_all() -> None:
    state = state_of(ENABLED="1", ROLLOUT_PERCENTAGE="50", EXCLUDED_CHARACTERS="raider")
    assert state.excluded == {"raider"}
    assert "except raider" in state.describe(NAMES)


@pytest.mark.parametrize("variable", ["ENABLED_CHARACTERS", "EXCLUDED_CHARACTERS"])
@pytest.mark.parametrize("value", ["pip_bot", "Pip_Boy", "pip_boy;ghoul", "pip_boy,none", "pip boy", "x\ny"])
def test_an_unknown_character_is_an_error_that_names_it_and_the_known(variable: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        state_of(**{variable: value})
    message = str(caught.value)
    assert message.startswith(f"CHIRP3_{variable}=")
    assert "pip_boy" in message
    assert len(message.splitlines()) == 1


def test_an_explicit_false_is_the_hand_brake_and_unset_is_merely_off() -> None:
    brake, unset, on = state_of(ENABLED="false"), state_of(), state_of(ENABLED="true")
    assert (brake.braked, brake.enabled) == (True, False)
    assert (unset.braked, unset.enabled) == (False, False)
    assert (on.braked, on.enabled) == (False, True)
    assert "hand brake" in brake.describe(NAMES)
    assert "hand brake" not in unset.describe(NAMES)
    assert "off" in unset.describe(NAMES)


def test_fallback_and_salt_reach_the_state() -> None:
    state = state_of(FALLBACK_TO_WAVENET="off", SALT="2026 秋")
    assert (state.fallback, state.salt) == (False, "2026 秋")
