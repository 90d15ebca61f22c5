"""Settings: from the environment and `.env`; a wrong one stops with a sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio_tools.errors import ConfigError
from audio_tools.settings import Settings


def test_the_variables_of_the_spec_have_its_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable the values of spec.md hold."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()

    assert (settings.chunk_size, settings.max_concurrent_chunks, settings.rate_limit_delay) == (
        26_214_400,
        5,
        2000,
    )


def test_environment_wins_over_dotenv_and_flags_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearer to the user, the stronger; an empty variable counts as unset."""
    (tmp_path / ".env").write_text("CHUNK_SIZE=100000\nWHISPER_MODEL=small\nOPENAI_MODEL=\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHISPER_MODEL", "tiny")
    settings = Settings.load(data_dir=tmp_path)

    assert (settings.chunk_size, settings.whisper_model, settings.openai_model) == (
        100_000,
        "tiny",
        "whisper-1",
    )
    assert settings.data_dir == tmp_path


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CHUNK_SIZE", "25MB"),
        ("MAX_CONCURRENT_CHUNKS", "0"),
        ("RATE_LIMIT_DELAY", "-1"),
        ("OPENAI_BASE_URL", "ftp://x"),
        ("OPENAI_BASE_URL", "http://"),
        ("OPENAI_BASE_URL", "http://host:port/v1"),
        ("OPENAI_BASE_URL", "http://host:99999/v1"),
        ("OPENAI_BASE_URL", "http://[::1/v1"),
        ("OPENAI_BASE_URL", "http://exa mple/v1"),
        ("ENGINE", "magic"),
        ("DATA_DIR", "~nobody-of-this-name/x"),
        ("REDIS_HOST", "redis:6379"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_PREFIX", "a:b"),
    ],
)
def test_a_wrong_variable_is_named(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and quotes its value."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable) as caught:
        Settings.load()

    assert value in caught.value.message


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("API_TOKEN", "short", "API_TOKEN: must have at least 16 characters."),
        ("PORT", "http", "PORT is 'http': must be a whole number."),
        ("PORT", "65536", "PORT is '65536': must be at most 65535."),
        ("UPLOAD_IDLE", "long", "UPLOAD_IDLE is 'long': must be a number."),
        ("WORKERS", "0", "WORKERS is '0': must be at least 1."),
        ("ENGINE", "magic", "ENGINE is 'magic': must be 'auto', 'openai' or 'whisper'."),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(
    variable: str, value: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in those of a library; a secret is not shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        Settings.load()

    assert caught.value.message == problem


@pytest.mark.parametrize(
    "url",
    [
        "http://:s3cret@redis:6379",
        "redis://",
        "redis://:s3cret@redis:6379/zero",
        "redis://:s3cret@redis:99999",
        "redis://:s3/cret@redis:6379",
        "redis://:s3#cret@redis:6379",
    ],
)
def test_a_wrong_redis_url_is_named_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed URL is not quoted: any part of it may be the password."""
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigError, match="REDIS_URL: must look like redis://") as caught:
        Settings.load()

    assert "cret" not in caught.value.message


@pytest.mark.parametrize(
    "query",
    [
        "foo=s3cret",
        "s3cret@redis",
        "max_connections=1",
        "decode_responses=true",
        "db=2",
        "ssl_cert_reqs=nobody&ssl_cert_reqs=none",
        "ssl_ca_certs=",
        "ssl_ca_certs=/ca&ssl_password=s3cret",
    ],
)
def test_a_redis_url_says_nothing_but_where_and_tls(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's other parameters would undo ours, or end the process much later."""
    monkeypatch.setenv("REDIS_URL", f"rediss://redis:6379/0?{query}")
    with pytest.raises(ConfigError, match=r"REDIS_URL: may end in \?ssl_ca_certs=FILE") as caught:
        Settings.load()

    assert "s3cret" not in caught.value.message


def test_without_tls_a_redis_url_has_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that would never be used is a mistake in the scheme."""
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0?ssl_cert_reqs=none")
    with pytest.raises(ConfigError, match="only with rediss://"):
        Settings.load()


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis",
        "rediss://user:p%2Fw@redis:6380/3",
        "rediss://:pw@[::1]:7/0?ssl_cert_reqs=none&ssl_ca_certs=/ca",
    ],
)
def test_a_redis_url_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without password, database, TLS; the password is known to the logs in both its spellings."""
    monkeypatch.setenv("REDIS_URL", url)
    settings = Settings.load()

    assert settings.uses_redis
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == url
    if "%" in url:
        assert settings.secrets() == {"p%2Fw", "p/w"}


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in `.env` is expanded, although no shell reads the file."""
    (tmp_path / ".env").write_text("DATA_DIR=~/data\nMEDIA_ROOTS=~/Movies, /media\nWHISPER_MODEL=~/model\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    settings = Settings.load()

    assert settings.data_dir == Path("/home/me/data")
    assert settings.media_roots == (Path("/home/me/Movies"), Path("/media"))
    assert settings.whisper_model == "/home/me/model"


def test_the_key_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings gives no secret away."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    assert "sk-secret" not in repr(Settings.load())


@pytest.mark.parametrize("key", ["sk-se\ncret", "sk-se cret", "sk-secret…", "sk-secret\x7f"])
def test_a_key_that_fits_in_no_header_is_named_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be found out by the HTTP library, which quotes it."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY: must be ASCII") as caught:
        Settings.load()

    assert "cret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("said", "key"), [("sk-secret\r\n", "sk-secret"), ("\tsk-secret ", "sk-secret"), (" ", "")]
)
def test_blanks_around_a_key_are_not_part_of_it(said: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that holds a key ends in a line break."""
    monkeypatch.setenv("OPENAI_API_KEY", said)
    settings = Settings.load()

    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == key


def test_a_dotenv_that_is_no_text_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the user's file that is wrong, not the program."""
    (tmp_path / ".env").write_bytes(b"garbage\x00\xff line =\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"\.env"):
        Settings.load()
