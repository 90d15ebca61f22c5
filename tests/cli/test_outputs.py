"""Commands write what was asked for, where it was asked for, and replace only their own files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from audio_tools.transcript import MediaInfo, Transcript, Word
from tests.cli.conftest import Ended, Run

Export = Callable[..., Ended]


def answer(*words: Word, name: str = "clip.mp4") -> bytes:
    """What a service says of a completed job, to the request for the status and for the result alike."""
    transcript = Transcript(
        words=words,
        segments=(),
        silences=(),
        duration=10.0,
        total_chunks=1,
        success_rate=100.0,
        text=" ".join(word.word for word in words),
        language="en",
        engine="openai",
        model="whisper-1",
        media=MediaInfo("", None),
    )
    return json.dumps({"success": True, "result": transcript.to_json(), "data": {"fileName": name}}).encode()


@pytest.fixture
def export(audio_tools: Run, refusing_server: Callable[..., str]) -> Export:
    """`audio-tools export` of a job with these words."""

    def run(*arguments: str | Path, words: tuple[Word, ...] = (Word("Hello.", 0.0, 0.5),)) -> Ended:
        server = refusing_server("", status=200, body=answer(*words))
        return audio_tools("export", "a-job", "--server", server, *arguments)

    return run


@pytest.mark.parametrize("command", [["transcribe"], ["submit", "--follow"]], ids=["transcribe", "submit"])
def test_a_file_of_the_user_is_never_replaced(command: list[str], audio_tools: Run, tmp_path: Path) -> None:
    """Exit 2 before the work, all such files named, and they stay as they are."""
    (tmp_path / "notes.mp4").write_bytes(b"RIFF")
    (tmp_path / "notes.txt").write_text("my notes")
    (tmp_path / "notes.srt").symlink_to("elsewhere.srt")

    ended = audio_tools(*command, "notes.mp4")

    assert ended.code == 2
    assert ended.errors.splitlines() == [
        "Error: notes.srt, notes.txt already exist and were not written by audio-tools, "
        "or have changed since.",
        "Hint: Choose another directory with -o, or replace with --overwrite.",
    ]
    assert (tmp_path / "notes.txt").read_text() == "my notes"


def test_a_corrected_subtitle_is_never_replaced(export: Export, tmp_path: Path) -> None:
    """The second run refuses; nothing is written, not even the files that are unchanged."""
    assert export().code == 0
    (tmp_path / "clip.srt").write_text("corrected")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("clip.*")}

    ended = export(words=(Word("Other.", 0.0, 0.5),))

    assert ended.code == 2
    assert ended.errors.startswith(
        "Error: clip.srt already exists and was not written by audio-tools, or has"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.glob("clip.*")} == before


def test_unchanged_results_are_replaced_and_named(export: Export, tmp_path: Path) -> None:
    """The same command again works as often as it is run, and says what it replaced."""
    first = export("-f", "txt,srt")
    second = export("-f", "txt,vtt", words=(Word("Other.", 0.0, 0.5),))

    assert [first.code, second.code] == [0, 0]
    assert first.output.splitlines()[-1] == "  clip.txt  clip.srt"
    assert second.output.splitlines()[-1] == "  clip.txt (replaced)  clip.vtt"
    assert (tmp_path / "clip.txt").read_text() == "Other.\n"


def test_overwrite_replaces_on_purpose(export: Export, tmp_path: Path) -> None:
    """Any file, and a link rather than the file that it leads to."""
    (tmp_path / "clip.txt").write_text("mine")
    (tmp_path / "far.srt").write_text("far")
    (tmp_path / "clip.srt").symlink_to("far.srt")

    ended = export("-f", "txt,srt", "--overwrite")

    assert ended.code == 0
    assert ended.output.splitlines()[-1] == "  clip.txt (replaced)  clip.srt (replaced)"
    assert (tmp_path / "clip.txt").read_text() == "Hello.\n"
    assert (tmp_path / "far.srt").read_text() == "far"


def test_a_record_that_cannot_be_kept_makes_the_command_careful(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transcript is written all the same; only a second run is refused."""
    (tmp_path / "data").write_text("no folder")

    assert export("-f", "txt").code == 0
    assert export("-f", "txt").code == 2


def test_a_record_cut_off_by_a_crash_still_knows_the_file(export: Export, tmp_path: Path) -> None:
    """A crash after the record of a second version and before its file leaves the first one: it is ours."""
    from audio_tools.cli._written_files import WrittenFiles

    export("-f", "txt")
    WrittenFiles(tmp_path / "data").add(tmp_path / "clip.txt", b"the second version")

    assert export("-f", "txt").code == 0


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["-o", "-"], "Hello.\n"),
        (["-o", "-", "-f", "srt"], "1\n00:00:00,000 --> 00:00:01,000\nHello.\n"),
    ],
)
def test_a_dash_prints_one_format_and_nothing_else(
    arguments: list[str], output: str, export: Export, tmp_path: Path
) -> None:
    """The summary goes to standard error, and no file is written."""
    ended = export(*arguments)

    assert (ended.code, ended.output) == (0, output)
    assert "clip.mp4: 0:10 of audio" in ended.errors
    assert list(tmp_path.glob("clip*")) == []


def test_several_formats_or_files_do_not_fit_standard_output(audio_tools: Run, tmp_path: Path) -> None:
    """Exit 2 before the work."""
    (tmp_path / "a.mp4").write_bytes(b"RIFF")
    (tmp_path / "b.mp4").write_bytes(b"RIFF")

    two_formats = audio_tools("transcribe", "a.mp4", "-o", "-", "-f", "srt,vtt")
    two_files = audio_tools("transcribe", "a.mp4", "b.mp4", "-o", "-")

    assert (two_formats.code, two_files.code) == (2, 2)
    assert "-o - prints one format, not 2." in two_formats.errors
    assert "-o - accepts only one input file." in two_files.errors


def test_one_line_says_what_to_do_with_the_files(export: Export) -> None:
    """Of the formats that were written, the first two that most users want."""
    assert export().errors.splitlines()[-1] == (
        "Next: import clip.srt as captions in Premiere Pro, DaVinci Resolve or Final Cut Pro; "
        "use clip.vtt as captions of a web player."
    )
    assert export("-f", "json", "-o", "out").errors.splitlines()[-1].startswith("Next: process clip.json, ")
    assert "Next" not in export("-o", "-").errors


def test_a_recording_without_speech_says_that_captions_are_empty(export: Export) -> None:
    """Nothing empty is to be imported then; the silences are still in the JSON file."""
    ended = export("-f", "srt,vtt,txt,json", "-o", "out", words=())

    assert "  Note: No speech was found: captions and text are empty.\n" in ended.errors
    last = ended.errors.splitlines()[-1]
    assert last == "Next: process clip.json, which has every word and silence with its times."
    assert "Next:" not in export("-f", "srt", "-o", "other", words=()).errors


def test_a_format_that_cannot_hold_the_transcript_does_not_prevent_the_others(
    export: Export, tmp_path: Path
) -> None:
    """The others are written and named, then each that is missing has its error; the exit code is its own."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip.json").write_text("{}")

    ended = export("-f", "premiere,json,srt", "-o", "out", "--overwrite", words=())

    assert ended.code == 2
    assert ended.output.splitlines()[-1] == "  out/clip.json (replaced)  out/clip.srt"
    assert ended.errors.splitlines()[-3:] == [
        "Error: out/clip.premiere.json was not written: The transcript has no words; Premiere requires at "
        "least one.",
        "Hint: Check that the right audio stream was transcribed.",
        "Next: process clip.json, which has every word and silence with its times.",
    ]


def test_an_option_that_does_not_fit_the_media_leaves_the_other_formats(
    export: Export, tmp_path: Path
) -> None:
    """Only the frame rate shows that a timecode does not exist: hours of work are not thrown away for it."""
    ended = export("-f", "xmeml,txt", "--sequence-timecode", "01:00:00:77")

    assert ended.code == 2
    assert (tmp_path / "clip.txt").read_text() == "Hello.\n"
    assert "Error: clip.xml was not written: Option sequenceTimecode is '01:00:00:77'" in ended.errors


def test_a_folder_stands_for_its_media_files(audio_tools: Run, tmp_path: Path) -> None:
    """Below it at any depth, sorted; other files, hidden ones and links to folders are left out."""
    from audio_tools.cli._inputs import find_sources

    names = ["b.MOV", "day 2/a.wav", "day 2/.hidden.wav", ".cache/x.mp4", "notes.txt", "a.mp4"]
    for name in names:
        (tmp_path / "card" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "card" / name).touch()
    (tmp_path / "card" / "loop").symlink_to(tmp_path / "card")
    found = find_sources([tmp_path / "card", tmp_path / "card" / "a.mp4"])

    assert [(str(source.file.relative_to(tmp_path / "card")), str(source.subfolder)) for source in found] == [
        ("a.mp4", "."),
        ("b.MOV", "."),
        ("day 2/a.wav", "day 2"),
    ]


def test_each_file_of_a_folder_has_its_turn(audio_tools: Run, tmp_path: Path) -> None:
    """All are empty here: each is named, and the first one's error is the exit code."""
    (tmp_path / "card" / "sub").mkdir(parents=True)
    for name in ("a.mp4", "a.wav", "sub/a.mp4"):
        (tmp_path / "card" / name).touch()
    ended = audio_tools("transcribe", "card", "--engine", "whisper", "-o", "out")

    assert ended.code == 3
    assert ended.errors.count(" is empty.") == 3
    assert ended.errors.splitlines()[-1] == "3 of 3 files failed."
    assert (tmp_path / "out" / "sub").is_dir()


def test_beside_is_next_to_the_media_and_names_stay_apart(tmp_path: Path) -> None:
    """Two files that differ only in the extension keep it in their outputs."""
    from audio_tools.cli._inputs import find_sources
    from audio_tools.cli._outputs import Destination, plan_outputs
    from audio_tools.cli._written_files import WrittenFiles

    (tmp_path / "sub").mkdir()
    files = [tmp_path / "clip.mov", tmp_path / "clip.wav", tmp_path / "sub" / "clip.mov"]
    for file in files:
        file.touch()
    destination = Destination(("srt",), beside=True)
    outputs = plan_outputs(find_sources(files), destination, WrittenFiles(tmp_path / "data"))

    assert [str(output.paths["srt"].relative_to(tmp_path)) for output in outputs] == [
        "clip.mov.srt",
        "clip.wav.srt",
        "sub/clip.srt",
    ]


def test_two_files_that_would_be_written_as_one_are_refused(audio_tools: Run, tmp_path: Path) -> None:
    """Exit 2, with the way out."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp4").write_bytes(b"RIFF")
    ended = audio_tools("transcribe", "x/a.mp4", "y/a.mp4", "-o", "out")

    assert ended.code == 2
    assert "x/a.mp4 and y/a.mp4 would both be written to out/a.mp4.json." in ended.errors
    assert "--beside" in ended.errors


def test_captions_that_cannot_be_read_are_named(export: Export) -> None:
    """By their numbers in the SRT file; captions that keep the rules are not mentioned."""
    fast = (Word("Incomprehensibilities", 0.0, 0.4), Word("follow.", 0.4, 2.0, speaker="Ann"))

    note = "  Note: 1 caption to check (1 too fast to read, 1 too short): 1"
    assert note in export("-f", "srt", words=fast).errors.splitlines()
    assert "to check" not in export("-f", "txt", "-o", "text", words=fast).errors
    assert "to check" not in export("-f", "srt", "-o", "slow").errors


def test_captions_follow_the_flags(export: Export, tmp_path: Path) -> None:
    """Rules by name, and limits that win over them; a value out of range names the flag."""
    words = tuple(Word(f"word{n}", 0.5 * n, 0.5 * n + 0.5) for n in range(8))
    export("-f", "srt", "-o", "wide", words=words)
    export("-f", "srt", "-o", "narrow", "--max-chars", "12", "--max-lines", "1", words=words)
    wrong = export("--max-chars", "1")

    assert "word0 word1 word2 word3" in (tmp_path / "wide" / "clip.srt").read_text()
    assert "word0 word1\n" in (tmp_path / "narrow" / "clip.srt").read_text()
    assert (wrong.code, wrong.errors.splitlines()[0]) == (
        2,
        "Error: Option --max-chars is 1, but must be a whole number from 4 to 200.",
    )
