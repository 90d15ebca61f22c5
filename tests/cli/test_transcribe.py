"""What `audio-tools transcribe` refuses before it begins, and how it ends when files fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_each_file_that_fails_is_told_with_its_fault(audio_tools: Run, tmp_path: Path) -> None:
    """All are tried, each says what is wrong; at the end their number, and the exit code of the first."""
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "letter.mp4").write_text("Dear editor, this is a letter. " * 100)

    ended = audio_tools("transcribe", "empty.mp4", "nowhere.mp4", "letter.mp4", "--engine", "whisper")

    assert ended.code == 3
    empty, nowhere, letter, number = (
        line for line in ended.errors.splitlines() if not line.startswith("Hint:")
    )
    assert empty == "Error: empty.mp4 is empty."
    assert nowhere == "Error: File not found: nowhere.mp4"
    assert letter.startswith("Error: letter.mp4 cannot be read as media: ")
    assert number == "3 of 3 files failed."


@pytest.mark.slow
def test_what_no_file_escapes_ends_the_command(audio_tools: Run, tmp_path: Path) -> None:
    """Without a key the engine fails once, not for each file: exit 2, the hint, and what was not started."""
    (tmp_path / "sample.mp4").symlink_to(Path(__file__).parents[2] / "sample" / "sample.mp4")
    ended = audio_tools("transcribe", "sample.mp4", "b.mp4", "c.mp4", "--engine", "openai")

    assert ended.code == 2
    assert "Error: sample.mp4: The openai engine requires an API key." in ended.errors
    assert "Hint: Set OPENAI_API_KEY" in ended.errors
    assert ended.errors.splitlines()[-1] == "1 of 3 files failed, 2 not started."


def test_a_file_named_twice_is_transcribed_once(audio_tools: Run, tmp_path: Path) -> None:
    """Under whatever spelling; the user is told."""
    ended = audio_tools("transcribe", "a.mp4", "./a.mp4", tmp_path / "a.mp4", "--engine", "whisper")

    assert ended.errors.count("is transcribed once") == 2
    assert ended.errors.count("File not found: a.mp4") == 1
    assert "files failed" not in ended.errors


@pytest.mark.parametrize("folder", [".", "./sub/..", "link"])
def test_an_input_is_never_overwritten(audio_tools: Run, tmp_path: Path, folder: str) -> None:
    """An output that would take the place of a file to be transcribed: exit 2, and all files as they were."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    clip = tmp_path / "clip.txt"
    clip.write_text("my only copy")

    ended = audio_tools("transcribe", "clip.txt", "-f", "json,txt", "-o", folder)

    assert ended.code == 2
    assert "would overwrite" in ended.errors
    assert clip.read_text() == "my only copy"
    assert audio_tools("submit", "clip.txt", "-f", "txt", "-o", folder, "--follow").code == 2


@pytest.mark.parametrize("command", [["transcribe"], ["submit", "--follow"]], ids=["transcribe", "submit"])
def test_a_folder_in_the_place_of_a_transcript_is_named_before_the_work(
    command: list[str], audio_tools: Run, tmp_path: Path
) -> None:
    """Exit 2, not 1 once all is paid; a link to a folder is replaced as any other file."""
    (tmp_path / "clip.wav").write_bytes(b"RIFF")
    (tmp_path / "out" / "clip.json").mkdir(parents=True)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "clip.json").symlink_to(tmp_path)
    ended = audio_tools(*command, "clip.wav", "-o", "out")

    assert (ended.code, ended.errors.splitlines()) == (
        2,
        [
            "Error: The transcript of clip.wav cannot be written to out/clip.json, which is a folder.",
            "Hint: Move the folder. Choose another directory with -o.",
        ],
    )
    assert "is a folder" not in audio_tools(*command, "clip.wav", "-o", "links").errors


def test_a_name_that_leaves_no_room_for_that_of_the_transcript_is_refused(
    audio_tools: Run, tmp_path: Path
) -> None:
    """255 bytes with `.wav` are 256 with `.json`: exit 2 before the work; with `.srt` they do."""
    recording = tmp_path / ("x" * 251 + ".wav")
    recording.write_bytes(b"RIFF")
    ended = audio_tools("transcribe", recording.name, "--engine", "whisper")

    assert ended.code == 2
    assert ended.errors.splitlines()[0].endswith(
        f" cannot be written as {'x' * 251}.json: File name too long."
    )
    assert ended.errors.splitlines()[1].startswith("Hint: Give the file a shorter name, or ")
    assert audio_tools("transcribe", recording.name, "-f", "srt", "--engine", "whisper").code == 3


def test_a_data_folder_that_cannot_be_written_is_named_before_the_work(
    audio_tools: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chunk is paid for whose answer cannot be kept."""
    monkeypatch.setenv("DATA_DIR", "/proc/foo")
    ended = audio_tools("transcribe", "a.mp4")

    assert ended.code == 2
    assert ended.errors.startswith("Error: Cannot write to /proc/foo: ")
    assert "Hint: Set DATA_DIR" in ended.errors


@pytest.mark.parametrize("command", ["transcribe", "submit"])
def test_a_wrong_option_is_named_as_the_user_typed_it(command: str, audio_tools: Run) -> None:
    """The flag, what it may be, in one sentence and a hint."""
    ended = audio_tools(command, "a.mp4", "-f", "docx")

    assert ended.code == 2
    assert ended.errors.startswith(
        "Error: Option --formats (-f) is 'docx', but must be one of json, srt, vtt, txt, ass, ttml, "
    )
    assert "Option --chunk-size is 1, but" in audio_tools(command, "a.mp4", "--chunk-size", "1").errors


@pytest.mark.parametrize("command", ["transcribe", "submit"])
@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("sub", "No media files in this folder: sub"),
        ("empty.wav", "empty.wav is empty."),
        ("nowhere.wav", "File not found: nowhere.wav"),
        ("https://example.com/talk.mp4?a=b", "https://example.com/talk.mp4?a=b is an address, not a file."),
        ("ftp:/example.com/x", "ftp://example.com/x is an address, not a file."),
        ("/dev/null", "/dev/null is not a regular file."),
    ],
)
def test_a_file_that_is_none_is_named_alike_by_both(
    command: str, file: str, sentence: str, audio_tools: Run, tmp_path: Path
) -> None:
    """Exit 3, before a service is asked."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "sub").mkdir()
    ended = audio_tools(command, file, "--engine", "whisper")

    assert (ended.code, ended.errors.splitlines()[0]) == (3, f"Error: {sentence}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by_flag", "name"), [(True, "--chunk-size"), (False, "CHUNK_SIZE")], ids=["flag", "variable"]
)
def test_a_chunk_size_that_holds_too_little_is_named_as_it_was_given(
    by_flag: bool, name: str, audio_tools: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is too small shows with the audio format, when the work begins."""
    (tmp_path / "sample.mp4").symlink_to(Path(__file__).parents[2] / "sample" / "sample.mp4")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    if not by_flag:
        monkeypatch.setenv("CHUNK_SIZE", "65536")
    flags = ["--chunk-size", "65536"] if by_flag else []
    ended = audio_tools("transcribe", "sample.mp4", "--audio-format", "wav", *flags)

    assert ended.code == 2
    assert f"Error: Option {name} is 65536, but must be at least " in ended.errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["work", "--jobs", "0"], "Option --jobs is 0: must be at least 1."),
        (["serve", "--workers", "0"], "Option --workers is 0: must be at least 1."),
        (["serve", "--port", "99999"], "Option --port is 99999: must be at most 65535."),
    ],
)
def test_a_flag_that_is_wrong_is_named_and_not_its_variable(
    arguments: list[str], sentence: str, audio_tools: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2; a variable that is wrong is still named as one."""
    ended = audio_tools(*arguments)
    monkeypatch.setenv("WORKERS", "0")
    by_variable = audio_tools("serve", "--port", "0")

    assert (ended.code, ended.errors.splitlines()[0]) == (2, f"Error: {sentence}")
    assert by_variable.errors.startswith("Error: WORKERS is '0': must be at least 1.")
