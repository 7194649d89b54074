"""Each secret may stand in a file, and is read again when the file changes."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from schemas.errors import UsageError
from worker.cli.views.settings import settings_rows
from worker.config import secret_file
from worker.config.settings import all_variables, load_settings

TOKEN = "a token of sixteen"


def value(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{TOKEN}\n")
    return file


def replace(file: Path, text: str) -> None:
    """As who writes secrets does it: another file takes its place."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_a_secret_is_what_its_file_holds_by_now_without_the_line_break(file: Path) -> None:
    token = load_settings({"HTTP_TOKEN_FILE": str(file)}).worker.http_token
    assert value(token) == TOKEN
    replace(file, "another token, as long\r\n")
    assert value(token) == "another token, as long"


def test_the_mark_by_which_windows_editors_begin_a_file_is_no_part_of_the_secret(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert value(load_settings({"HTTP_TOKEN_FILE": str(file)}).worker.http_token) == TOKEN


def test_a_file_whose_rights_were_wrong_is_tried_again_once_they_are_right(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = load_settings({"HTTP_TOKEN_FILE": str(file)}).worker.http_token
    replace(file, f"new {TOKEN}")
    with monkeypatch.context() as denied:

        def deny(_: Path) -> str:
            raise PermissionError(13, "Permission denied")

        denied.setattr(secret_file, "read_secret", deny)
        assert value(token) == TOKEN
    # What it holds, its size and when it was written are as before.
    file.chmod(0o640)
    assert value(token) == f"new {TOKEN}"


def test_a_file_behind_a_link_that_moves_is_read_again(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(f"{name} {TOKEN}")
    (tmp_path / "data").symlink_to("old")
    token = load_settings({"HTTP_TOKEN_FILE": str(tmp_path / "data" / "secret")}).worker.http_token
    (tmp_path / "data2").symlink_to("new")
    (tmp_path / "data2").replace(tmp_path / "data")
    assert value(token) == f"new {TOKEN}"


@pytest.mark.parametrize("spoilt", ["", "short", None])
def test_what_cannot_be_used_leaves_the_last_value_and_is_logged_once_without_it(
    file: Path, spoilt: str | None
) -> None:
    token = load_settings({"HTTP_TOKEN_FILE": str(file)}).worker.http_token
    if spoilt is None:
        file.unlink()
    else:
        replace(file, spoilt)
    with capture_logs() as logs:
        assert [value(token), value(token)] == [TOKEN, TOKEN]
    assert [each["event"] for each in logs] == ["secret_file_unusable"]
    assert "short" not in str(logs)
    replace(file, f"later {TOKEN}")
    assert value(token) == f"later {TOKEN}"


def test_each_webhook_is_read_again_and_one_that_is_missing_keeps_its_address(file: Path) -> None:
    file.write_text("team=https://hooks/1,studio=https://hooks/2")
    webhooks = load_settings({"ROLLOUT_WEBHOOKS_FILE": str(file)}).controller.webhooks
    replace(file, "studio=https://hooks/3")
    assert {name: value(url) for name, url in webhooks.items()} == {
        "team": "https://hooks/1",
        "studio": "https://hooks/3",
    }


def test_a_webhook_whose_format_becomes_unknown_keeps_its_address(file: Path) -> None:
    file.write_text("team=slack+https://hooks/1")
    webhooks = load_settings({"ROLLOUT_WEBHOOKS_FILE": str(file)}).controller.webhooks
    replace(file, "team=discord+https://hooks/2")
    assert value(webhooks["team"]) == "slack+https://hooks/1"


def test_every_secret_may_stand_in_a_file_and_nothing_else() -> None:
    assert {name for name in all_variables() if name.endswith("_FILE")} == {
        "CHARACTERS_FILE",
        "CHIRP3_SALT_FILE",
        "HTTP_API_SESSION_KEY_FILE",
        "HTTP_API_TOKENS_FILE",
        "HTTP_TOKEN_FILE",
        "KAFKA_SASL_OAUTHBEARER_CLIENT_ID_FILE",
        "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET_FILE",
        "KAFKA_SASL_PASSWORD_FILE",
        "KAFKA_SASL_USERNAME_FILE",
        "KAFKA_SSL_KEY_PASSWORD_FILE",
        "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        "ROLLOUT_WEBHOOKS_FILE",
        "ROLLOUT_WEBHOOK_KEYS_FILE",
        "S3_ACCESS_KEY_ID_FILE",
        "S3_CA_FILE",
        "S3_PROXY_URL_FILE",
        "S3_SECRET_ACCESS_KEY_FILE",
        "S3_SESSION_TOKEN_FILE",
    }


def test_a_file_that_cannot_be_used_is_refused_with_its_path_and_never_its_content(file: Path) -> None:
    def refused(**environment: str) -> str:
        with pytest.raises(UsageError) as caught:
            load_settings(environment)
        return str(caught.value)

    named = f"HTTP_TOKEN_FILE={str(file)!r}: "
    assert refused(HTTP_TOKEN_FILE=f"{file}x") == f"HTTP_TOKEN_FILE='{file}x': can't be read: No such file or directory"
    assert refused(HTTP_TOKEN_FILE=str(file), HTTP_TOKEN=TOKEN) == "HTTP_TOKEN, HTTP_TOKEN_FILE: set one of them"
    file.write_text("short")
    message = refused(HTTP_TOKEN_FILE=str(file))
    assert message.startswith(f"{named}in the file allowed is at least 16 characters")
    assert "short" not in message
    file.write_text("\n")
    assert refused(HTTP_TOKEN_FILE=str(file)) == f"{named}the file is empty"
    file.write_bytes(b"\xff")
    assert refused(HTTP_TOKEN_FILE=str(file)) == f"{named}can't be read: it isn't UTF-8"


def test_settings_are_shown_with_the_file_and_without_the_secret(file: Path) -> None:
    settings = load_settings({"HTTP_TOKEN_FILE": str(file)})
    (row,) = [row for row in settings_rows(settings) if row["variable"] == "HTTP_TOKEN"]
    assert row["value"] == f"*** (in {file})"
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert TOKEN not in shown
