import logging
import os

import pytest

from freqai_ext._services.secrets import MAX_SECRET_BYTES
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.guardian.token import TokenSource


@pytest.fixture
def token_file(tmp_path):
    """Write a token file that only its owner can read."""

    def write(content, mode=0o600):
        path = tmp_path / "guardian.token"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


def secret(source):
    token = source.current()
    return None if token is None else token.get_secret_value()


def test_without_a_setting_there_is_no_token():
    source = TokenSource(GuardianSettings())
    assert source.current() is None
    assert source.refresh() is False


def test_the_token_of_the_settings_never_changes():
    source = TokenSource(GuardianSettings(token="fixed-token"))
    assert secret(source) == "fixed-token"
    assert source.refresh() is False


@pytest.mark.parametrize(
    "content",
    [b"from-file", b"from-file\n", b"  from-file \r\nsecond line\n", b"\xef\xbb\xbffrom-file\n"],
)
def test_the_token_is_the_stripped_first_line_and_wins_over_the_setting(token_file, content):
    source = TokenSource(GuardianSettings(token="fixed-token", token_file=token_file(content)))
    assert secret(source) == "from-file"


def test_refresh_says_whether_the_file_has_another_token(token_file):
    source = TokenSource(GuardianSettings(token_file=token_file(b"first")))
    assert source.refresh() is False
    token_file(b"second")
    assert source.refresh() is True
    assert secret(source) == "second"
    assert source.refresh() is False


def test_a_file_that_vanishes_is_an_error_and_the_old_token_stays(token_file):
    path = token_file(b"first")
    source = TokenSource(GuardianSettings(token_file=path))
    path.unlink()
    with pytest.raises(SettingsError, match=r"token_file: '.*guardian\.token' cannot be read \(No such file"):
        source.refresh()
    assert secret(source) == "first"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; write the secret there"),
        (b"\n the-token\n", "is empty; write the secret there"),
        ("schlüssel-7".encode(), "not ASCII, which cannot be sent; write another secret there"),
        ("token".encode("utf-16"), "not ASCII"),
        (b"half\x00token", "not ASCII"),
        (b"x" * (MAX_SECRET_BYTES + 1), f"is longer than {MAX_SECRET_BYTES} bytes"),
    ],
)
def test_a_first_line_that_is_no_token_is_refused_without_being_shown(token_file, content, message):
    with pytest.raises(SettingsError, match=message) as caught:
        TokenSource(GuardianSettings(token_file=token_file(content)))
    assert str(caught.value).startswith("freqai_ext.guardian.token_file: ")
    for part in ("schl", "the-token", "half", "xxx"):
        assert part not in str(caught.value)


def test_a_folder_or_a_pipe_is_no_token_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SettingsError, match="is not a plain file"):
            TokenSource(GuardianSettings(token_file=path))


def test_a_file_that_every_user_may_write_is_refused(token_file):
    with pytest.raises(SettingsError, match=r"every user may write '.*'; run: chmod 600 /"):
        TokenSource(GuardianSettings(token_file=token_file(b"the-token", 0o622)))


def test_a_file_that_every_user_may_read_is_warned_of_once(token_file, caplog):
    with caplog.at_level(logging.WARNING):
        source = TokenSource(GuardianSettings(token_file=token_file(b"the-token", 0o644)))
        source.refresh()
    assert len(caplog.messages) == 1
    assert "every user may read" in caplog.text
    assert "the-token" not in caplog.text


def test_a_private_file_is_not_warned_of(token_file, caplog):
    TokenSource(GuardianSettings(token_file=token_file(b"the-token", 0o640)))
    assert caplog.messages == []


def test_the_representation_tells_the_origin_and_not_the_token(token_file):
    path = token_file(b"the-token")
    assert repr(TokenSource(GuardianSettings(token_file=path))) == f"TokenSource(token_file={str(path)!r})"
    assert repr(TokenSource(GuardianSettings(token="the-token"))) == "TokenSource(token)"
    assert repr(TokenSource(GuardianSettings())) == "TokenSource(none)"
