from __future__ import annotations

import errno
import json
from pathlib import Path

import pysubs2
import pytest
import webvtt

from audio_tools.errors import DiskFull, InvalidOption, StorageError
from audio_tools.exports.files import write
from audio_tools.exports.registry import FORMATS
from audio_tools.transcript import MediaInfo, Segment, Transcript, Word


def transcript_of(*words: Word, duration: float = 10.0, segments: tuple[Segment, ...] = ()) -> Transcript:
    return Transcript(
        words=words,
        segments=segments,
        silences=(),
        duration=duration,
        total_chunks=1,
        success_rate=100.0,
        text=" ".join(word.word for word in words),
        language="en",
        engine="fake",
        model="none",
        media=MediaInfo("", None),
    )


TRANSCRIPT = transcript_of(Word("Grüße,", 0.5, 1.0), Word("世界!", 1.1, 1.6), Word("Bye.", 9.0, 9.4))


def test_each_format_is_a_file_that_its_readers_take(tmp_path: Path) -> None:
    """Every format is written next to the others, in UTF-8, under the stem and the format's extension."""
    paths = write(TRANSCRIPT, ["json", "srt", "vtt", "txt"], tmp_path / "new folder", "take.2")

    assert paths == [tmp_path / "new folder" / f"take.2.{name}" for name in ("json", "srt", "vtt", "txt")]
    as_json, as_srt, as_vtt, as_txt = paths
    assert json.loads(as_json.read_bytes()) == TRANSCRIPT.to_json()
    assert [event.text for event in pysubs2.load(str(as_srt))] == ["Grüße, 世界!", "Bye."]
    assert [caption.text for caption in webvtt.read(str(as_vtt)).captions] == ["Grüße, 世界!", "Bye."]
    assert as_txt.read_text("utf-8") == "Grüße, 世界!\n\nBye.\n"


def test_every_format_has_a_name_and_an_extension_of_its_own(tmp_path: Path) -> None:
    """All of them together are as many files, none empty."""
    paths = write(TRANSCRIPT, FORMATS, tmp_path, "take")

    assert len({*paths}) == len(FORMATS)
    assert {path.name for path in paths} == {f"take{entry.extension}" for entry in FORMATS.values()}
    assert [entry.name for entry in FORMATS.values()] == [*FORMATS]
    assert all(path.stat().st_size for path in paths)


def test_only_the_formats_asked_for_are_written_and_each_once(tmp_path: Path) -> None:
    """Two names of the same format are one file; nothing else is left in the folder."""
    paths = write(TRANSCRIPT, ["vtt", "txt", "vtt"], tmp_path, "take")

    assert paths == [tmp_path / "take.vtt", tmp_path / "take.txt"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_subtitles_end_with_the_media(tmp_path: Path) -> None:
    """A last word at the very end is not held beyond it, where an editor's timeline would grow."""
    transcript = transcript_of(Word("Cut.", 9.5, 9.9), duration=10.0)

    (path,) = write(transcript, ["srt"], tmp_path, "take")

    assert "00:00:09,500 --> 00:00:10,000" in path.read_text("utf-8")


def test_json_is_readable_by_people(tmp_path: Path) -> None:
    """Indented, and with letters of any script as themselves."""
    (path,) = write(TRANSCRIPT, ["json"], tmp_path, "take")

    assert '      "word": "世界!",\n' in path.read_text("utf-8")


def test_a_transcript_without_words_makes_valid_files(tmp_path: Path) -> None:
    """A recording without speech gives an empty SRT, a VTT header, an empty text, and JSON that says so."""
    as_json, as_srt, as_vtt, as_txt = write(transcript_of(), ["json", "srt", "vtt", "txt"], tmp_path, "take")

    assert json.loads(as_json.read_bytes())["words"] == []
    assert as_srt.read_bytes() == b""
    assert as_vtt.read_bytes() == b"WEBVTT\n"
    assert as_txt.read_bytes() == b""


def test_a_transcript_that_lists_no_words_has_those_of_its_segments(tmp_path: Path) -> None:
    """As with `wordTimestamps: false`: subtitles within the times of the segments, text with its speakers."""
    segments = (
        Segment(0, 0.5, 1.6, "Grüße, 世界!", speaker="Ann"),
        Segment(
            1, 2.0, 9.0, " ".join(["This sentence has ten words and fills a whole line."] * 3), speaker="Bob"
        ),
    )
    as_srt, as_vtt, as_txt = write(
        transcript_of(segments=segments, duration=9.0), ["srt", "vtt", "txt"], tmp_path, "take"
    )
    events = pysubs2.load(str(as_srt)).events

    assert [event.plaintext.replace("\n", " ") for event in events] == [
        "Ann: Grüße, 世界!",
        "Bob: This sentence has ten words and fills a whole line.",
        *["This sentence has ten words and fills a whole line."] * 2,
    ]
    assert (events[0].start, events[1].start, events[-1].end) == (500, 2000, 9000)
    assert [event.duration for event in events[1:]] == pytest.approx([7000 / 3] * 3, abs=100)
    assert all(len(line) <= 42 for event in events for line in event.plaintext.split("\n"))
    assert [caption.voice for caption in webvtt.read(str(as_vtt)).captions] == ["Ann", "Bob", "Bob", "Bob"]
    assert as_txt.read_text("utf-8") == f"Ann: Grüße, 世界!\n\nBob: {segments[1].text}\n"


def test_a_segment_of_no_length_keeps_its_words(tmp_path: Path) -> None:
    """Short ones have none left once they are rounded."""
    (path,) = write(transcript_of(segments=(Segment(0, 1.0, 1.0, "Yes, yes."),)), ["txt"], tmp_path, "take")

    assert path.read_text("utf-8") == "Yes, yes.\n"


def test_segments_of_a_script_without_spaces_are_cut_too(tmp_path: Path) -> None:
    """No line is wider than 42 cells, none begins with a mark, and nothing is put between the characters."""
    text = "他说：「今天的天气很好，我们一起去公园散步吧。」" * 4
    transcript = transcript_of(segments=(Segment(0, 0.0, 24.0, text),), duration=24.0)
    as_srt, as_txt = write(transcript, ["srt", "txt"], tmp_path, "take")
    lines = [line for event in pysubs2.load(str(as_srt)) for line in event.plaintext.split("\n")]

    assert "".join(lines) == text
    assert all(len(line) <= 21 and line[0] not in "，：。」" for line in lines)
    assert as_txt.read_text("utf-8") == text + "\n"


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """The error names the format and the ones there are."""
    with pytest.raises(
        InvalidOption, match="Option format is 'docx', but must be one of json, srt, vtt, txt, ass, ttml"
    ):
        write(TRANSCRIPT, ["srt", "docx"], tmp_path, "take")

    assert list(tmp_path.iterdir()) == []


def test_half_a_character_from_an_engine_does_not_cost_the_file(tmp_path: Path) -> None:
    """A lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    (path,) = write(transcript_of(Word("a\ud83db", 0.0, 0.5)), ["txt"], tmp_path, "take")

    assert path.read_text("utf-8") == "a?b\n"


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, StorageError)]
)
def test_a_failed_write_leaves_the_older_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[StorageError]
) -> None:
    """The older file stays whole, no piece of the new one is left, and the error says what happened."""
    (path,) = write(TRANSCRIPT, ["txt"], tmp_path, "take")
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError(code, "no luck")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StorageError) as caught:
        write(transcript_of(), ["txt"], tmp_path, "take")

    assert type(caught.value) is error
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_bytes(b"")

    with pytest.raises(StorageError, match="Cannot write "):
        write(TRANSCRIPT, ["txt"], tmp_path / "taken", "take")
