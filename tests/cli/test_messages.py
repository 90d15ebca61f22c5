"""What a user reads is whole sentences, with numbers that agree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import audio_tools
from audio_tools import errors
from audio_tools.cli._messages import counted, say, show_error
from audio_tools.errors import AudioToolsError, InvalidOption, JobNotFinished, JobNotFound, exit_code_of

PACKAGE = Path(audio_tools.__file__).parent
ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, AudioToolsError)
}


def messages() -> Iterator[tuple[str, str]]:
    """The text that each error is raised with, `{}` for what is filled in, and where."""
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ERRORS:
                for text in map(written, call.args[:1]):
                    if text:
                        yield f"{path.relative_to(PACKAGE)}:{call.lineno}", text


def written(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


@pytest.mark.slow
def test_messages_begin_with_a_capital_letter() -> None:
    """Or with the name of what they are about."""
    found = dict(messages())

    assert len(found) > 50
    assert {place: text for place, text in found.items() if text[0].islower() and " " in text} == {}


@pytest.mark.parametrize(
    "error", [InvalidOption("x", 1, "2"), JobNotFound("7"), JobNotFinished("7", "active")], ids=repr
)
def test_messages_with_facts_are_sentences_too(error: AudioToolsError) -> None:
    """A capital letter, one full stop."""
    assert error.message[0].isupper()
    assert error.message.endswith(".")


def test_one_thing_is_not_many() -> None:
    """`1 silences` looks careless."""
    assert [counted(number, "silence") for number in (0, 1, 2)] == ["0 silences", "1 silence", "2 silences"]


def test_an_error_says_what_it_is_about_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A message that names the file needs no second name."""
    show_error(AudioToolsError("The disk is full.", hint="Make room."), "a.mp4")
    show_error(AudioToolsError("a.mp4 is empty."), "a.mp4")

    assert capsys.readouterr().err.splitlines() == [
        "Error: a.mp4: The disk is full.",
        "Hint: Make room.",
        "Error: a.mp4 is empty.",
    ]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("invalid_option", 2),
        ("no_audio_stream", 3),
        ("engine_refused", 4),
        ("option_refused", 2),
        ("engine_not_ready", 2),
        ("job_not_found", 1),
        ("unauthorized", 1),
        ("", 1),
    ],
)
def test_the_error_of_a_server_has_the_exit_code_of_ours(code: str, exit_code: int) -> None:
    """A script learns the same from `submit --follow` as from `transcribe`."""
    assert exit_code_of(code) == exit_code


def test_a_file_name_does_not_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences are shown as replacement characters, and a message stays one line."""
    say("Next: read a\x1b]0;renamed\x07\nb.txt.")

    assert capsys.readouterr().out == "Next: read a\ufffd]0;renamed\ufffd b.txt.\n"
