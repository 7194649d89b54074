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
from worker.config.http_api import HttpApiSettings
from worker.config.sections import (
    AudioCheckSettings,
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
from worker.config.settings import all_variables, load_settings, variables
from worker.rollout.state import RolloutState

SECONDS = ["0", "-1", "nan", "inf", "1e400", "soon", "1s"]
SECONDS_OR_NONE = SECONDS[1:]
FLAGS = ["maybe", "2", "truee", " ", "tru e"]
DELAYS = [",", " ", "10", "0s", "-1s", "1.5m", "1d", "10s,10s", "10s,none", "10s;1m", "100000s", "1m\n,x"]
BYTES = ["\udcff"]  # how os.environ shows a byte that isn't UTF-8
AUDIO_CHECKS = ("FORMAT", "CUT", "LENGTH", "SILENCE", "NOISE", "PEAK")
PER_MINUTE = ["-1", "1000001", "1.5", "many"]
WRONG = {
    "KAFKA_BOOTSTRAP_SERVERS": ["localhost", "a:b", "a:1,", "a:1 b:2", "kafka://a:1", ":9092"],
    "KAFKA_GROUP_ID": BYTES,
    "KAFKA_GROUP_INSTANCE_ID": BYTES,
    "KAFKA_LEAVE_AT_STOP": FLAGS,
    "KAFKA_TOPIC_PREFIX": ["a b", "a/b", "é", "x" * 101, "a\n"],
    "KAFKA_IDEMPOTENCE": FLAGS,
    "KAFKA_SECURITY_PROTOCOL": ["TLS", "ssl", "SASL", " "],
    "KAFKA_SSL_KEY_PASSWORD": BYTES,
    "KAFKA_SASL_MECHANISM": ["SCRAM", "GSSAPI", "plain", "SCRAM-SHA-1"],
    "KAFKA_SASL_USERNAME": BYTES,
    "KAFKA_SASL_PASSWORD": BYTES,
    "KAFKA_SASL_OAUTHBEARER_METHOD": ["OIDC", "aws", "default"],
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": ["idp/token", "ftp://idp", "https://", "https://idp /token"],
    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": BYTES,
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": BYTES,
    "KAFKA_SASL_OAUTHBEARER_SCOPE": ["a\nb", "é"],
    "KAFKA_SASL_OAUTHBEARER_EXTENSIONS": ["x", "=x", "x=", "a b=c", "a=b,", "a1=b", "a=\x01"],
    "KAFKA_SASL_OAUTHBEARER_AWS_REGION": ["eu", "eu-central", "EU-CENTRAL-1", "eu-central-1a"],
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
    "S3_ENDPOINT_URL": ["localhost:8333", "ftp://x", "http://", "http://a b"],  # queries and users: below
    "S3_BUCKET": ["A", "ab_c", "a", "-abc", "abc-", "../x", "a" * 64, "abc\n"],
    "S3_PREFIX": ["/a", "a/", "a//b", "..", "a/../b", "a/..", ".a", "a b", "a\n", "a\\b", "é"],
    "S3_REGION": BYTES,
    "S3_ACCESS_KEY_ID": ["only-the-id"],
    "S3_SECRET_ACCESS_KEY": ["hunter2"],
    "S3_SESSION_TOKEN": BYTES,
    "S3_ADDRESSING": ["PATH", "dns", " "],
    "S3_PROXY_URL": ["proxy:3128", "socks5://proxy:1", "http://", "http://a b", "http://proxy/path", "http://proxy?x"],
    "S3_SSE": ["aes256", "KMS", "true"],
    "S3_SSE_KMS_KEY_ID": BYTES,
    "S3_CHECKSUMS": ["never", "WHEN_REQUIRED"],
    "S3_TIMEOUT_S": SECONDS,
    "S3_PROBE_INTERVAL_S": SECONDS,
    "KEPT_AUDIO_MB": ["-1", "some", "1.5"],
    "REPLY_TOPICS": [",", "a b", "game/1", "x" * 250],
    "KNOWN_TAKES": ["-1", "1000001", "many"],
    "KNOWN_TAKES_S": ["0", "-1", "soon"],
    "AUDIO_URL_TTL_S": ["0", "-1", "604801", "1.5", "1h"],
    "AUDIO_BASE_URL": ["cdn.example", "ftp://x", "https://", "https://a b"],  # queries and users are masked
    "TTS_ENDPOINT": ["https://texttospeech.googleapis.com", "a:b", "a b", "host:1/x"],
    "TTS_PLAINTEXT": FLAGS,
    "TTS_TIMEOUT_BASE_S": SECONDS,
    "TTS_TIMEOUT_PER_CHARACTER_S": SECONDS_OR_NONE,
    "TTS_TIMEOUT_MAX_S": SECONDS,
    "TTS_STREAM_FIRST_S": SECONDS,
    "TTS_STREAM_IDLE_S": SECONDS,
    "TTS_QUICK_RETRY_AFTER_S": SECONDS_OR_NONE,
    "TTS_PROBE_INTERVAL_S": SECONDS,
    "QUOTA_CHIRP3_PER_MINUTE": PER_MINUTE,
    "QUOTA_WAVENET_PER_MINUTE": PER_MINUTE,
    "QUOTA_TOTAL_PER_MINUTE": PER_MINUTE,
    "QUOTA_DIALOGUE_RESERVE": ["-0.1", "0.91", "half", "nan"],
    "QUOTA_DIALOGUE_WAIT_S": SECONDS_OR_NONE,
    **{f"AUDIO_CHECK_{check}": ["REJECT", "off", "true", " "] for check in AUDIO_CHECKS},
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
    "ROLLOUT_WEBHOOKS": [
        *(",", "https://hooks", "team", "team=", "team=hooks", "=https://x", "te am=https://x"),
        *(
            "team=discord+https://x",
            "team=+https://x",
            "team=Slack+https://x",
            "team=slack+hooks",
            "team=slack:https://x",
        ),
    ],
    "ROLLOUT_WEBHOOK_KEYS": [
        *(",", "team", "team=", f"={'k' * 32}", "team=short", f"team={'k' * 33}", "team=whsec_", "team=whsec_c2hvcnQ="),
        *(f"team=whsec_{'ab' * 50}", f"team=whsec_{'*' * 32}", f"team=whsec_{'a' * 32} short"),
    ],
    "MAX_IN_FLIGHT": ["0", "4097", "-1", "1.5", "many", "1e2"],
    "DIALOGUE_SHARE": ["1", "-0.1", "25%", "nan"],
    "MAX_TEXT_BYTES": ["0", "1000001", "x"],
    "MEMORY_BUDGET_MB": ["0", "1048577", "1.5", "half"],
    "SHUTDOWN_GRACE_S": SECONDS,
    "HTTP_HOST": BYTES,
    "HTTP_PORT": ["-1", "65536", "http"],
    "HTTP_TOKEN": ["short"],
    "LOG_LEVEL": ["INFO", "verbose"],
    "HTTP_API_HOST": BYTES,
    "HTTP_API_PORT": ["-1", "65536", "http"],
    "HTTP_API_SESSION_KEY": ["short", "k" * 31, *BYTES],
    "HTTP_API_MAX_WAITERS": ["0", "100001", "1.5", "many"],
    "HTTP_API_MAX_WAIT_S": [*SECONDS, "3601"],
    "HTTP_API_MAX_STREAMS": ["0", "10001", "many"],
    "HTTP_API_MAX_UNACKNOWLEDGED": ["0", "100001", "many"],
    "HTTP_API_LINES_PER_MINUTE": PER_MINUTE,
    "HTTP_API_FEEDBACK_PER_MINUTE": PER_MINUTE,
    "HTTP_API_REQUESTS_PER_MINUTE": PER_MINUTE,
    "HTTP_API_CORS_ORIGINS": ["*", "editor.example", "https://editor.example/", "https://a b", "https://x,y"],
    "HTTP_API_REMEMBERED_LINES": ["0", "10000001", "many"],
    "HTTP_API_STREAMED_MB": ["0", "1048577", "much"],
    "HTTP_API_REMEMBERED_MB": ["0", "1048577", "many"],
    "HTTP_API_READ_BACK_S": ["-1", "604801", "soon", "nan"],
}
ANY_PATH = {
    "CHARACTERS_FILE",
    "HTTP_API_TOKENS_FILE",
    "KAFKA_SSL_CA_LOCATION",
    "KAFKA_SSL_CERTIFICATE_LOCATION",
    "KAFKA_SSL_KEY_LOCATION",
    "KAFKA_HTTPS_CA_LOCATION",
    "S3_CA_FILE",
}
SECRETS = {
    *(
        "ROLLOUT_WEBHOOKS",
        "ROLLOUT_WEBHOOK_KEYS",
        "CHIRP3_SALT",
        "HTTP_TOKEN",
        "HTTP_API_SESSION_KEY",
        "KAFKA_SSL_KEY_PASSWORD",
        "KAFKA_SASL_USERNAME",
    ),
    *("KAFKA_SASL_PASSWORD", "KAFKA_SASL_OAUTHBEARER_CLIENT_ID", "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET"),
    *("S3_SESSION_TOKEN", "S3_PROXY_URL"),
}


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(environment)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    message.encode()
    return message


@pytest.mark.parametrize("name", ["tts.batch", "tts.retry.batch.5m", "tts.completions", "tts.streams", "tts.rollout"])
def test_no_topic_of_the_workers_own_may_be_replied_to(name: str) -> None:
    assert refused({"REPLY_TOPICS": f"game-1,{name}"}).startswith(f"REPLY_TOPICS={name!r}: is one of the worker's own")
    ours = name.replace("tts", "staging", 1)
    assert "own topics" in refused({"REPLY_TOPICS": ours, "KAFKA_TOPIC_PREFIX": "staging"})
    settings = load_settings({"REPLY_TOPICS": "game-1, tts.replies.game-2,", "KAFKA_TOPIC_PREFIX": "tts"})
    assert settings.delivery.reply_topics == {"game-1", "tts.replies.game-2"}


def test_every_variable_stands_in_this_test() -> None:
    parts = (
        *(KafkaSettings, DeliverySettings, StorageSettings, GoogleSettings),
        *(AudioCheckSettings, QuotaSettings, CircuitSettings, RolloutSettings, ControllerSettings, WorkerSettings),
        HttpApiSettings,
    )
    assert {variable for part in parts for variable in variables(part)} == WRONG.keys() | ANY_PATH


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_told_in_one_line_with_variable_value_and_what_is_allowed(variable: str, value: str) -> None:
    message = refused({variable: value})
    assert variable in message
    if variable in SECRETS:
        assert message.startswith(f"{variable}='***': allowed is ")
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


@pytest.mark.parametrize("value", ["1e308", "9" * 30, "604801", "inf", "nan"])
@pytest.mark.parametrize("variable", sorted(name for name in all_variables() if name.endswith("_S")))
def test_a_time_has_a_bound_that_kafka_and_the_loop_can_count_to(variable: str, value: str) -> None:
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


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        *(("CHIRP3_ENABLE", "CHIRP3_ENABLED"), ("CHIRP3_PERCENTAGE", "CHIRP3_ROLLOUT_PERCENTAGE")),
        *(("ROLLOUT_SORCE", "ROLLOUT_SOURCE"), ("ROLLOUT_WEBHOOK", "ROLLOUT_WEBHOOKS")),
        *(("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS"), ("KAFKA_GROUP", "KAFKA_GROUP_ID")),
        *(
            ("KAFKA_SSL_CERTIFICATE", "KAFKA_SSL_CERTIFICATE_LOCATION"),
            ("KAFKA_SASL_MECHANISMS", "KAFKA_SASL_MECHANISM"),
        ),
        *(("KAFKA_SECURITY_PROTOCOLS", "KAFKA_SECURITY_PROTOCOL"), ("S3_SECRET_KEY_FILE", "S3_SECRET_ACCESS_KEY_FILE")),
        *(("S3_SECRET_KEY", "S3_SECRET_ACCESS_KEY"), ("S3_ENDPOINT", "S3_ENDPOINT_URL"), ("S3_BUCKETS", "S3_BUCKET")),
        *(("QUOTA_CHIRP_PER_MINUTE", "QUOTA_CHIRP3_PER_MINUTE"), ("TTS_TIMEOUT_BASE", "TTS_TIMEOUT_BASE_S")),
    ],
)
@pytest.mark.parametrize("value", ["hunter2", "1\n2", ""])
def test_a_misspelt_variable_is_refused_with_the_nearest_one_and_never_its_value(
    variable: str, nearest: str, value: str
) -> None:
    assert refused({variable: value}) == f"{variable}: no such setting; the nearest is {nearest}"


def test_without_a_near_one_those_that_exist_are_named_and_all_unknown_ones_at_once() -> None:
    assert refused({"CHIRP3_ZZZZZZZZZZZZZZ": "1"}).startswith(
        "CHIRP3_ZZZZZZZZZZZZZZ: no such setting; there are CHIRP3_ENABLED, CHIRP3_"
    )
    message = refused({"KAFKA_ZZZ": "a", "S3_\x1b[31m": "b"})
    assert message.startswith("KAFKA_ZZZ: no such setting; ")
    assert "; 'S3_\\x1b[31m': no such setting; " in message
    assert message.isprintable()


KUBERNETES = {
    "KAFKA_SERVICE_HOST": "10.0.0.1",
    "KAFKA_SERVICE_PORT": "9092",
    "KAFKA_SERVICE_PORT_CLIENT": "9092",
    "KAFKA_PORT": "tcp://10.0.0.1:9092",
    "KAFKA_PORT_9092_TCP": "tcp://10.0.0.1:9092",
    "KAFKA_PORT_9092_TCP_PROTO": "tcp",
    "KAFKA_PORT_9092_TCP_PORT": "9092",
    "KAFKA_PORT_9092_TCP_ADDR": "10.0.0.1",
    "S3_PORT": "tcp://10.0.0.2:8333",
    "TTS_EMULATOR_SERVICE_HOST": "10.0.0.3",
    "CHIRP3_WORKER_PORT_8080_TCP_ADDR": "10.0.0.4",
}


def test_what_kubernetes_says_of_its_services_and_kafkas_scripts_read_is_no_setting() -> None:
    scripts = {"KAFKA_HOME": "/opt/kafka", "KAFKA_OPTS": "-Dx", "KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_LOG4J_OPTS": ""}
    assert load_settings({**KUBERNETES, **scripts}) == load_settings({})
    assert "KAFKA_PORT: no such setting" in refused({"KAFKA_PORT": "9092"})


@pytest.mark.parametrize("variable", ["S3_ENDPOINT_URL", "PROMETHEUS_URL"])
@pytest.mark.parametrize("rest", ["/?token=hunter2", "?hunter2", "/a#hunter2", "/?a=b@c&sig=hunter2"])
def test_an_address_with_a_query_is_refused_and_the_query_is_not_shown(variable: str, rest: str) -> None:
    message = refused({variable: f"https://store.example:8333{rest}"})
    assert message.startswith(f"{variable}='https://store.example:8333")
    assert "hunter2" not in message
    assert "without" in message


def test_an_address_of_the_store_has_no_user() -> None:
    assert "hunter2" not in refused({"S3_ENDPOINT_URL": "https://anna:hunter2@store.example"})


@pytest.mark.parametrize(
    "value", ['{"private_key": "hunter2"}', "-----BEGIN\nhunter2", "hunter2" * 200, '{"a":"hunter2']
)
def test_a_key_in_place_of_its_files_path_is_refused_and_not_shown(value: str) -> None:
    message = refused({"GOOGLE_APPLICATION_CREDENTIALS": value})
    assert message.startswith("GOOGLE_APPLICATION_CREDENTIALS='***': must be the path of a file")
    assert "hunter2" not in message
    assert load_settings({"GOOGLE_APPLICATION_CREDENTIALS": "/secrets/key.json"}) == load_settings({})


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
    hooks = "team=https://hooks/hunter2, players=http://hooks/hunter2?a=b, chat=slack+https://hooks/hunter2"
    key = f"whsec_{'hunter2+' * 4}"
    settings = load_settings({"ROLLOUT_WEBHOOKS": hooks, "ROLLOUT_WEBHOOK_KEYS": f"team={key}"})
    assert {name: url.get_secret_value() for name, url in settings.controller.webhooks.items()} == {
        "team": "https://hooks/hunter2",
        "players": "http://hooks/hunter2?a=b",
        "chat": "slack+https://hooks/hunter2",
    }
    for shown in (repr(settings), settings.model_dump_json()):
        assert "hunter2" not in shown
    rows = {row["variable"]: row for row in settings_rows(settings)}
    assert rows["ROLLOUT_WEBHOOKS"]["value"] == "chat=slack+***,players=***,team=***"
    assert rows["ROLLOUT_WEBHOOK_KEYS"]["value"] == "team=***"
    assert "text, json, slack, teams, pagerduty, alertmanager" in str(rows["ROLLOUT_WEBHOOKS"]["allowed"])


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
