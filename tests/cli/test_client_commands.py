"""How `submit`, `export`, `jobs` and `cancel` end when there is no service, or it says no."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Asked, Run

ARGUMENTS = {"submit": ["a.wav"], "export": ["nope"], "jobs": [], "cancel": ["nope"]}
TOKEN = "sixteen-characters-and-more"


@pytest.fixture(autouse=True)
def recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")


@pytest.mark.parametrize("command", ARGUMENTS)
@pytest.mark.parametrize("server", ["foo", "ftp://a", "http://", "http://a:99999", "http://a b"])
def test_an_address_that_is_none_is_wrong_use(command: str, server: str, audio_tools: Run) -> None:
    """Exit 2; the sentence names the flag and ends once."""
    ended = audio_tools(command, *ARGUMENTS[command], "--server", server)

    assert ended.code == 2
    assert ended.errors.startswith(f"Error: Option --server is '{server}', but must be an address like")
    assert ".." not in ended.errors


@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_service_that_is_not_there_is_exit_1(command: str, audio_tools: Run) -> None:
    """The hint says how to start it."""
    ended = audio_tools(command, *ARGUMENTS[command], "--server", "http://127.0.0.1:9")

    assert ended.code == 1
    assert ended.errors.startswith("Error: Cannot reach http://127.0.0.1:9: connection refused.\n")
    assert "Hint: Start the service with `audio-tools serve`" in ended.errors
    assert ".." not in ended.errors


@pytest.mark.parametrize("command", ARGUMENTS)
def test_tls_towards_plain_http_is_named(
    command: str, audio_tools: Run, refusing_server: Callable[[str], str]
) -> None:
    """The hint is the address that works."""
    plain = refusing_server("x")
    ended = audio_tools(command, *ARGUMENTS[command], "--server", plain.replace("http", "https"))

    assert ended.code == 1
    assert ended.errors.endswith(
        f": it speaks plain HTTP, not TLS.\nHint: Start the address with http://: {plain}\n"
    )


@pytest.mark.usefixtures("no_names")
def test_a_name_without_an_address_is_named(audio_tools: Run) -> None:
    """Not by the number or the words of the system."""
    ended = audio_tools("jobs", "--server", "http://nowhere.invalid")

    assert ended.errors.startswith(
        "Error: Cannot reach http://nowhere.invalid: the host name cannot be resolved.\n"
    )


@pytest.mark.parametrize("command", ARGUMENTS)
@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("job_not_found", 1), ("unauthorized", 1), ("invalid_option", 2), ("no_audio_stream", 3)],
)
def test_the_exit_code_is_that_of_the_servers_error(
    command: str, code: str, exit_code: int, audio_tools: Run, refusing_server: Callable[[str], str]
) -> None:
    """Its message and hint are shown."""
    ended = audio_tools(command, *ARGUMENTS[command], "--server", refusing_server(code))

    assert (ended.code, ended.errors) == (exit_code, "Error: No.\nHint: Go.\n")


@pytest.mark.parametrize("command", ARGUMENTS)
def test_a_missing_token_is_asked_for_as_commands_take_it(
    command: str, audio_tools: Run, refusing_server: Callable[..., str]
) -> None:
    """The server's hint speaks of headers, to those who write programs."""
    server = refusing_server("unauthorized", status=401)
    ended = audio_tools(command, *ARGUMENTS[command], "--server", server)

    assert ended.code == 1
    assert ended.errors.startswith("Error: No.\nHint: Pass the API_TOKEN of the service with --token, ")


@pytest.mark.parametrize("command", ARGUMENTS)
def test_dotenv_says_where_the_service_is(
    command: str, audio_tools: Run, refusing_server: Callable[..., str], tmp_path: Path, asked: Asked
) -> None:
    """PORT and API_TOKEN are those that `serve` reads in the same folder."""
    port = urlsplit(refusing_server("job_not_found")).port
    (tmp_path / ".env").write_text(f"HOST=0.0.0.0\nPORT={port}\nAPI_TOKEN={TOKEN}\n")

    assert audio_tools(command, *ARGUMENTS[command]).errors == "Error: No.\nHint: Go.\n"
    assert [header for _, header in asked] == [f"Bearer {TOKEN}"]


def test_the_nearer_word_wins(
    audio_tools: Run,
    refusing_server: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: Asked,
) -> None:
    """A flag before AUDIO_TOOLS_SERVER, that before HOST and PORT."""
    (tmp_path / ".env").write_text(f"PORT=9\nAPI_TOKEN={TOKEN}\nAUDIO_TOOLS_SERVER=http://127.0.0.1:9\n")
    assert "Cannot reach http://127.0.0.1:9:" in audio_tools("jobs").errors
    assert audio_tools("jobs", "--server", refusing_server("x"), "--token", "mine").errors.startswith(
        "Error: No"
    )
    monkeypatch.setenv("AUDIO_TOOLS_SERVER", refusing_server("x"))
    assert audio_tools("jobs").errors.startswith("Error: No")

    assert [header for _, header in asked] == ["Bearer mine", f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("PORT=0", "PORT is 0, so the port of the service is not known."),
        ("AUDIO_TOOLS_SERVER=http://a:99999", "Option AUDIO_TOOLS_SERVER is 'http://a:99999', but must be"),
        ("AUDIO_TOOLS_SERVER=nas", "AUDIO_TOOLS_SERVER is 'nas': "),
        ("API_TOKEN=short", "API_TOKEN: must have at least 16 characters."),
    ],
)
def test_a_setting_that_leads_nowhere_is_named(
    line: str, sentence: str, audio_tools: Run, tmp_path: Path
) -> None:
    """Exit 2; with both flags no settings are needed."""
    (tmp_path / ".env").write_text(line)
    ended = audio_tools("jobs")
    flagged = audio_tools("jobs", "--server", "http://127.0.0.1:9", "--token", "mine")

    assert ended.code == 2
    assert ended.errors.startswith(f"Error: {sentence}")
    assert flagged.code == 1


def test_the_server_of_another_address_family(audio_tools: Run, tmp_path: Path) -> None:
    """`::` is every address; this machine's own is ::1, in brackets."""
    (tmp_path / ".env").write_text("HOST=::\nPORT=9\n")

    assert "Cannot reach http://[::1]:9:" in audio_tools("jobs").errors


def test_a_service_that_hangs_up_is_told_in_one_sentence(audio_tools: Run) -> None:
    """The client library's own words end with a full stop; ours is enough."""

    def hang_up() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        ended = audio_tools("jobs", "--server", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()

    assert ended.code == 1
    assert ".." not in ended.errors


@pytest.mark.parametrize("command", ["export", "cancel", "restart"])
@pytest.mark.parametrize("job_id", ["", ".", "..", "../jobs", "a/b"])
def test_what_cannot_be_an_id_is_never_sent(command: str, job_id: str, audio_tools: Run) -> None:
    """It would be the address of something else; exit 2, whether a service is there or not."""
    ended = audio_tools(command, job_id, "--server", "http://127.0.0.1:9")

    assert ended.code == 2
    assert ended.errors.startswith(f"Error: Job not found: {job_id!r}.\n")


@pytest.mark.parametrize(
    ("command", "path"),
    [("export", "/job/a%3Fb%23c%20d%252e/status"), ("cancel", "/job/a%3Fb%23c%20d%252e?delete=false")],
)
def test_ids_are_quoted(
    command: str, path: str, audio_tools: Run, refusing_server: Callable[[str], str], asked: Asked
) -> None:
    """Whatever a user pastes stays the id of a job, and nothing of it becomes a query."""
    audio_tools(command, "a?b#c d%2e", "--server", refusing_server("job_not_found"))

    assert [each for each, _ in asked] == [path]


def test_a_service_of_another_kind_is_told_from_ours(
    audio_tools: Run, refusing_server: Callable[..., str]
) -> None:
    """A web page is no list of jobs, even with status 200."""
    server = refusing_server("", status=200, body=b"<html>")
    ended = audio_tools("jobs", "--server", server)

    assert ended.code == 1
    address = server.removeprefix("http://")
    assert ended.errors.startswith(f"Error: {address} returned status 200 and a body that is not JSON.\n")


@pytest.mark.parametrize("command", ["submit", "transcribe"])
def test_an_empty_path_is_not_the_current_folder(command: str, audio_tools: Run) -> None:
    """A variable of a script that is not set: nothing is sent."""
    ended = audio_tools(command, "")

    assert ended.code == 2
    assert "the path is empty" in ended.errors


@pytest.mark.parametrize("command", ["submit", "transcribe", "cut"])
def test_a_name_that_is_too_long_is_no_bug(command: str, audio_tools: Run) -> None:
    """The system refuses to look for it."""
    ended = audio_tools(command, "x" * 300, *(["--server", "http://127.0.0.1:9"] * (command != "transcribe")))

    assert "Unexpected" not in ended.errors
    assert ended.errors.startswith("Error: ")


def test_a_token_that_no_header_can_carry_is_named(audio_tools: Run) -> None:
    """It is not shown."""
    ended = audio_tools("jobs", "--token", "gehëim-1234567890", "--server", "http://127.0.0.1:9")

    assert ended.code == 2
    assert ended.errors.startswith("Error: The API token has characters that are not allowed in a header.")
    assert "eim-123" not in ended.errors
