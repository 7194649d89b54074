"""The file of tokens is read again when it changes, and one that is broken leaves the last good tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from schemas.errors import UsageError
from worker.console.access.tokens import TOKEN_BYTES, TokenEntry, new_token, parse_client
from worker.console.access.tokens_file import TokensFile


def entry(name: str) -> TokenEntry:
    return new_token(parse_client(name, "enqueue"), name.encode().ljust(TOKEN_BYTES, b"."))[1]


def replace(path: Path, text: str) -> None:
    """As Kubernetes replaces a secret's file."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(entry("unity").line())
    return path


def test_a_new_line_counts_without_a_restart(file: Path) -> None:
    tokens = TokensFile(file)
    assert tokens.entries() == (entry("unity"),)
    replace(file, f"{entry('unity').line()}\n{entry('godot').line()}\n")
    assert tokens.entries() == (entry("unity"), entry("godot"))


def test_a_removed_line_opens_no_more(file: Path) -> None:
    tokens = TokensFile(file)
    replace(file, entry("godot").line())
    assert tokens.entries() == (entry("godot"),)


@pytest.mark.parametrize("broken", ["", "unity enqueue\n", "# nothing\n"])
def test_a_broken_file_leaves_the_last_tokens_and_is_logged_once(file: Path, broken: str) -> None:
    tokens = TokensFile(file)
    replace(file, broken)
    with capture_logs() as logs:
        assert tokens.entries() == tokens.entries() == (entry("unity"),)
    assert [each["event"] for each in logs] == ["tokens_file_unusable"]


def test_a_file_that_is_gone_leaves_the_last_tokens_and_counts_again_when_it_is_back(file: Path) -> None:
    tokens = TokensFile(file)
    file.unlink()
    assert tokens.entries() == (entry("unity"),)
    file.write_text(entry("godot").line())
    assert tokens.entries() == (entry("godot"),)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "it holds no token; `chirp-worker token new` makes one"),
        (b"\xff", "isn't UTF-8"),
        (b"unity", "line 1: allowed is `<client> <scopes> <SHA-256>`, as `token new` prints it"),
    ],
)
def test_the_start_is_refused_with_what_is_wrong(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "tokens"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        TokensFile(path)
    assert str(refused.value) == f"HTTP_API_TOKENS_FILE={str(path)!r}: {reason}"
