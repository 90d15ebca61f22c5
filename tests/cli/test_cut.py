"""`audio-tools cut`: files for an editing program from a transcript, by flags that read as the options do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.export_options import ExportOptions
from audio_tools.transcript import Interval, Word
from tests.cli.conftest import Run
from tests.exports.material import film, transcript_of

TALK = transcript_of(
    Word("Hello", 1.0, 1.4),
    Word("um", 1.5, 1.8),
    Word("world.", 1.9, 2.4),
    Word("Again.", 6.0, 6.5),
    silences=(Interval(2.4, 6.0),),
    media=film(),
)


FLAGS = """
    --preset tight --min-silence 1 --pad-before 0.5 --pad-after 0.5 --min-clip 0.1 --merge-gap 0.1
    --max-kept-pause 1 --speed-factor 2 --fillers remove --retakes mark --profanity mark --silences remove
    --filler-words um,hello --profanity-words darn --keep 3-4 --keep w3 --cut w0-w0 --mode remove
    --frame-rate 29.97 --start-timecode 01:00:00;00 --media-path /media/take.mov --sequence-name Cut
    --sequence-timecode 02:00:00;00 --timecode --mask-profanity --captions bbc --max-chars 30
"""


@pytest.fixture(autouse=True)
def transcript(tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_bytes(TALK.to_json_text())


def test_files_and_the_plan_are_written(audio_tools: Run, tmp_path: Path) -> None:
    """A sequence and captions by default, under the name of the transcript; a line says what stays."""
    ended = audio_tools("cut", "talk.json", "-o", "out")

    assert ended.code == 0, ended.errors
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "talk.cut-plan.json",
        "talk.srt",
        "talk.xml",
    ]
    assert ended.output.startswith("talk: 6.7 s of 10.0 s kept, 1 cuts (1 silence), 0 markers.\n")


def test_every_option_has_a_flag(audio_tools: Run, tmp_path: Path) -> None:
    """Ranges by seconds and by words, lists, choices, numbers, flags that are on or off."""
    ended = audio_tools("cut", "talk.json", "-f", "txt,csv", "-o", "out", *FLAGS.split())
    plan = json.loads((tmp_path / "out" / "take.cut-plan.json").read_bytes())

    assert ended.code == 0, ended.errors
    assert plan["timebase"]["num"] == 30000
    assert {cut["reason"] for cut in plan["cut"]} >= {"silence", "filler"}
    assert (tmp_path / "out" / "take.txt").read_text().startswith("[02:00:0")


def test_help_lists_the_flags_of_both_models(audio_tools: Run) -> None:
    """With the words of the API."""
    ended = audio_tools("cut", "--help")

    for model in (CutOptions, ExportOptions):
        for name in model.model_fields:
            assert "--" + name.replace("_", "-") in ended.output


def test_the_media_beside_the_transcript_gives_its_name(audio_tools: Run, tmp_path: Path) -> None:
    """So that the editing program finds it."""
    (tmp_path / "talk.MOV").write_bytes(b"\0")
    audio_tools("cut", "talk.json", "-f", "auto-editor", "-o", "out")

    assert json.loads((tmp_path / "out" / "talk.auto-editor.json").read_bytes())["source"] == "talk.MOV"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--min-silence", "0"], "Option --min-silence is 0.0, but must be a number from 0.1 to 3600."),
        (
            ["--keep", "soon"],
            "Option --keep is 'soon', but must be seconds like 12.5-14, or words like w30-w35.",
        ),
        (["--keep", "w9"], "Range keep[0]: words 9 to 9 are out of range; the transcript has words 0 to 3."),
        (["--keep", "5-2"], "Range keep[0]: the end, 2 s, is before the start, 5 s."),
        (["--cut", "0-60"], "The cut plan removes the whole recording."),
        (["-o", "-"], "A cut is written as several files, so it cannot be printed to standard output."),
        (
            ["--frame-rate", "fast"],
            "Option --frame-rate is 'fast', but must be a frame rate from 1 to 1000, like 25, 29.97 or "
            "30000/1001.",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_flag(audio_tools: Run, flags: list[str], message: str) -> None:
    """Exit 2, and nothing is written."""
    ended = audio_tools("cut", "talk.json", "-o", "out", *flags)

    assert ended.code == 2
    assert ended.errors.startswith(f"Error: {message}\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, "Cannot read none.json: No such file or directory."),
        ("a.json", b"{}", "a.json is not"),
        ("a.json", b"[]", "a.json is not"),
        ("a.json", b"[" * 100_000, "a.json is not"),
        ("a.json", b'{"words": 5}', "a.json is not"),
        ("a.mp4", b"\x00\x00\x00\x20ftypisom", "a.mp4 is not"),
    ],
)
def test_what_is_no_transcript_is_refused(
    audio_tools: Run, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """Missing, or another file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ended = audio_tools("cut", name)

    assert ended.code == 2
    assert ended.errors.startswith(f"Error: {message}")
    assert "\nHint: Pass the .json file that audio-tools transcribe wrote" in ended.errors


def test_a_folder_is_no_transcript(audio_tools: Run, tmp_path: Path) -> None:
    """It is not taken for the id of a job, which would need a service."""
    (tmp_path / "results").mkdir()
    ended = audio_tools("cut", "results")

    assert ended.code == 2
    assert ended.errors.startswith("Error: results is a folder, not a transcript.\n")


def test_older_files_of_others_are_not_replaced(audio_tools: Run, tmp_path: Path) -> None:
    """As with every command."""
    (tmp_path / "talk.xml").write_text("mine")
    ended = audio_tools("cut", "talk.json", "-f", "xmeml")

    assert ended.code == 2
    assert (tmp_path / "talk.xml").read_text() == "mine"


def test_a_format_without_its_words_leaves_the_cut(audio_tools: Run, tmp_path: Path) -> None:
    """The sequence and the plan are written, and the exit code is that of the missing file."""
    silent = transcript_of(silences=(Interval(2.4, 6.0),), media=film())
    (tmp_path / "talk.json").write_bytes(silent.to_json_text())

    ended = audio_tools("cut", "talk.json", "-f", "premiere,xmeml", "-o", "out")

    assert ended.code == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.cut-plan.json", "talk.xml"]
    assert "Error: out/talk.premiere.json was not written: The transcript has no words" in ended.errors
