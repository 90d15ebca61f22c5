"""Cut sequences for editing programs, read back by OpenTimelineIO and its adapters."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from audio_tools.errors import InvalidOption, UnsupportedFrameRate
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.export import Export
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.registry import render
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Interval, MediaInfo, Transcript, Word
from tests.exports.material import RATES, film, transcript_of

otio = pytest.importorskip("opentimelineio")

THREE_HOURS_S = 3 * 3600.0
DROP = {Fraction(30000, 1001), Fraction(60000, 1001)}


def long_talk(media: MediaInfo, *, words: int = 200) -> Transcript:
    """Three hours with a word every 18 s, at times that fall on no frame, and silence between them."""
    step = THREE_HOURS_S / words
    spoken = [
        Word(f"w{number}", round(step * number + 3.0007, 4), round(step * number + 3.4013, 4))
        for number in range(words)
    ]
    edges = [0.0, *(edge for word in spoken for edge in (word.start, word.end)), THREE_HOURS_S]
    silences = tuple(Interval(edges[at], edges[at + 1]) for at in range(0, len(edges), 2))
    return transcript_of(*spoken, silences=silences, duration=THREE_HOURS_S, media=media)


def export_of(media: MediaInfo, transcript: Transcript | None = None, **options: Any) -> Export:
    """The default plan of the long talk, or the given one, under a name that needs escapes."""
    transcript = transcript or long_talk(media)
    name = "Täke 1 & 2.mov"
    plan = plan_cuts(transcript, media_reference(transcript, name), CutOptions(**options.pop("cuts", {})))
    return Export(transcript, name, plan, ExportOptions(**options))


def text_of(name: str, export: Export) -> str:
    (document,) = render(name, export)
    return document.data.decode()


def read(text: str, adapter: str, **arguments: Any) -> Any:
    return otio.adapters.read_from_string(text, adapter_name=adapter, **arguments)


def frames_of(track: Any, start: int) -> list[tuple[int, int, int]]:
    """Source start and end, counted from `start`, and place in the track of each clip, exactly."""
    found = []
    for clip in track.find_clips():
        source, placed = clip.source_range, clip.range_in_parent()
        values = (source.start_time.value - start, source.end_time_exclusive().value - start)
        assert all(float(value).is_integer() for value in (*values, placed.start_time.value))
        found.append((int(values[0]), int(values[1]), int(placed.start_time.value)))
    return found


def clips_of(plan: CutPlan) -> list[tuple[int, int, int]]:
    return [(clip.start, clip.end, clip.record) for clip in plan.clips()]


def assert_no_word_is_cut(frames: list[tuple[int, int, int]], transcript: Transcript, rate: Fraction) -> None:
    """By the frames that another program read, the first picture being frame 0: a word is in one clip."""
    assert len(frames) == len(transcript.words)
    picture = Fraction(str(transcript.media.video_start))
    for word, (first, behind, _) in zip(transcript.words, frames, strict=True):
        start, end = picture + first / rate, picture + behind / rate
        assert start <= Fraction(word.start)
        assert Fraction(word.end) <= end
        # And the cut is within a frame of where it belongs, three hours later too.
        assert Fraction(word.start) - Fraction("0.1") - start < 1 / rate + Fraction("0.001")
        assert end - Fraction(word.end) - Fraction("0.2") < 1 / rate + Fraction("0.001")


LATE = {"together": (0.0, 0.0), "late sound": (0.953, 0.0), "late picture": (0.0, 0.95337)}
"""When sound and picture start, in seconds."""


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("name", ["xmeml", "otio"])
def test_every_cut_of_three_hours_is_on_its_frame(name: str, rate: Fraction, late: str) -> None:
    """At each rate, with a start timecode, sound or picture late: no drift, picture and sound alike."""
    timecode = "10:00:00;00" if rate in DROP else "10:00:00:00"
    sound, picture = LATE[late]
    export = export_of(film(rate, start_timecode=timecode, audio_start=sound, video_start=picture))
    plan = export.plan_or_default()
    timeline = read(text_of(name, export), {"xmeml": "fcp_xml", "otio": "otio_json"}[name])
    # The adapter of xmeml adds the start timecode as well: in the document source frames count from 0.
    start = plan.media.timebase.start_frame
    # It takes the two tracks of a stereo pair for one.
    tracks = [*timeline.video_tracks(), *timeline.audio_tracks()]
    read_frames = [frames_of(track, start) for track in tracks]

    assert len(tracks) == 2
    for frames in read_frames:
        assert frames == clips_of(plan)
        assert_no_word_is_cut(frames, export.transcript, rate)
    length = tracks[0].duration()
    assert length.value == sum(end - begin for begin, end in plan.keep)
    assert length.rate == pytest.approx(float(rate))


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_an_edl_has_the_same_cuts(rate: Fraction, late: str) -> None:
    """By its timecodes, from the start timecode of the media and from one hour in the sequence."""
    timecode = "10:00:00;00" if rate in DROP else "10:00:00:00"
    sound, picture = LATE[late]
    export = export_of(film(rate, start_timecode=timecode, audio_start=sound, video_start=picture))
    text = text_of("edl", export)
    timeline = read(text, "cmx_3600", rate=float(rate))
    frames = frames_of(timeline.video_tracks()[0], export.media.timebase.start_frame)

    assert frames == clips_of(export.plan_or_default())
    assert_no_word_is_cut(frames, export.transcript, rate)
    assert text.splitlines()[1] == f"FCM: {'DROP' if rate in DROP else 'NON-DROP'} FRAME"
    assert f"C        {timecode[:5]}" in text
    assert f" 01:00:00{timecode[8]}00 " in text


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_fcpxml_has_the_same_cuts(rate: Fraction, late: str) -> None:
    """Its times are exact fractions; the order and the sum are those of the plan."""
    timecode = "10:00:00;00" if rate in DROP else "10:00:00:00"
    sound, picture = LATE[late]
    export = export_of(film(rate, start_timecode=timecode, audio_start=sound, video_start=picture))
    root = ET.fromstring(text_of("fcpxml", export))
    start = export.media.timebase.start_frame

    def frames(value: str) -> int:
        exact = Fraction(value.removesuffix("s")) * rate
        assert exact.denominator == 1
        return exact.numerator

    clips = [
        (
            frames(clip.get("start", "")) - start,
            frames(clip.get("offset", "")),
            frames(clip.get("duration", "")),
        )
        for clip in root.iter("asset-clip")
    ]

    read_frames = [(begin, begin + length, offset) for begin, offset, length in clips]
    assert read_frames == clips_of(export.plan_or_default())
    assert_no_word_is_cut(read_frames, export.transcript, rate)
    (sequence,) = root.iter("sequence")
    assert frames(sequence.get("duration", "")) == sum(length for _, _, length in clips)
    assert sequence.get("tcFormat") == ("DF" if rate in DROP else "NDF")
    (asset,) = root.iter("asset")
    assert frames(asset.get("start", "")) == start


def test_more_events_than_an_edl_holds_are_several_lists() -> None:
    """Of 999 events each; the second continues the sequence where the first ends."""
    export = export_of(film(), long_talk(film(), words=1500))
    first, second = render("edl", export)
    timelines = [read(part.data.decode(), "cmx_3600", rate=25.0) for part in (first, second)]
    clips = [list(timeline.video_tracks()[0].find_clips()) for timeline in timelines]

    assert (first.suffix, second.suffix) == (".edl", ".2.edl")
    assert [len(part) for part in clips] == [999, 501]
    assert second.data.startswith(b"TITLE: T\xc3\xa4ke 1 & 2 2 of 2\n")
    last = first.data.decode().split("\n")[-3].split()
    assert second.data.decode().split("\n")[3].split()[6] == last[7]


SHORT = transcript_of(
    Word("Hello", 1.0, 1.4),
    Word("um", 1.5, 1.8),
    Word('<b>&"wörld"</b>', 1.9, 2.4),
    silences=(Interval(2.4, 10.0),),
)


def short_export(media: MediaInfo, **options: Any) -> Export:
    return export_of(
        media,
        transcript_of(*SHORT.words, silences=SHORT.silences, media=media),
        cuts={"fillers": "mark"},
        **options,
    )


def items_of(root: ET.Element) -> dict[str, ET.Element]:
    return {item.get("id", ""): item for item in root.iter("clipitem")}


@pytest.mark.parametrize(("channels", "tracks"), [(1, 1), (2, 2), (4, 4)])
def test_xmeml_links_the_picture_with_every_channel(channels: int, tracks: int) -> None:
    """Each item names all the others of its cut; stereo is a pair, mono plays on its own."""
    root = ET.fromstring(text_of("xmeml", short_export(film(channels=channels))))
    items = items_of(root)
    audio = root.findall(".//sequence/media/audio/track")

    assert len(audio) == tracks
    kind = "Stereo" if channels == 2 else "Mono"
    assert {track.get("premiereTrackType") for track in audio} == {kind}
    assert [track.get("totalExplodedTrackCount") for track in audio] == [
        "2" if channels == 2 else "1"
    ] * tracks
    assert [track.findtext("./clipitem/sourcetrack/trackindex") for track in audio] == [
        str(channel) for channel in range(1, channels + 1)
    ]
    assert root.findtext(".//file/media/audio/channelcount") == str(channels)
    for item in items.values():
        linked = [link.findtext("linkclipref") for link in item.findall("link")]
        assert sorted(map(str, linked)) == sorted(items)


def test_xmeml_describes_the_sequence_and_the_file_once() -> None:
    """Format, rate, timecodes, markers with a colour; frames of the source count from the file's start."""
    media = film(Fraction(30000, 1001), start_timecode="10:00:00;00")
    export = short_export(media, media_path="C:\\Media\\Täke 1.mov", sequence_timecode="01:00:00;00")
    root = ET.fromstring(text_of("xmeml", export))
    sequence = root.find("sequence")
    assert sequence is not None
    files = [file for file in root.iter("file") if len(file)]

    assert root.get("version") == "4"
    assert sequence.findtext("./media/video/format/samplecharacteristics/width") == "1920"
    assert sequence.findtext("./rate/timebase") == "30"
    assert sequence.findtext("./rate/ntsc") == "TRUE"
    assert sequence.findtext("./timecode/string") == "01:00:00;00"
    assert sequence.findtext("./timecode/displayformat") == "DF"
    assert len(files) == 1
    assert files[0].findtext("pathurl") == "file://localhost/C%3a/Media/T%C3%A4ke%201.mov"
    assert files[0].findtext("./timecode/string") == "10:00:00;00"
    assert files[0].findtext("./timecode/frame") == str(export.media.timebase.start_frame)
    first = next(root.iter("clipitem"))
    assert int(first.findtext("in", "")) == export.plan_or_default().keep[0][0]
    assert int(first.findtext("pproTicksIn", "")) == int(first.findtext("in", "")) * 8475667200
    marker = sequence.find("marker")
    assert marker is not None
    assert (marker.findtext("comment"), marker.findtext("name")) == ("um", "filler")
    assert marker.findtext("pproColor") == "4281049552"


@pytest.mark.parametrize(
    ("path", "xmeml", "fcpxml", "in_otio"),
    [
        (None, "T%C3%A4ke%201%20%26%202.mov", "./T%C3%A4ke%201%20%26%202.mov", "T%C3%A4ke%201%20%26%202.mov"),
        (
            "/Volumes/A b/ü.mov",
            "file://localhost/Volumes/A%20b/%C3%BC.mov",
            *["file:///Volumes/A%20b/%C3%BC.mov"] * 2,
        ),
        ("D:/x.mov", "file://localhost/D%3a/x.mov", "file:///D:/x.mov", "file:///D:/x.mov"),
        ("\\\\nas\\share\\x.mov", *["file://nas/share/x.mov"] * 3),
        ("https://example.org/x.mov?a=1&b", *["https://example.org/x.mov?a=1&b"] * 3),
    ],
)
def test_the_media_is_named_as_each_program_writes_it(
    path: str | None, xmeml: str, fcpxml: str, in_otio: str
) -> None:
    """A bare name, and paths of macOS, Windows, a network share and a URL."""
    export = short_export(film(), media_path=path)
    source = ET.fromstring(text_of("fcpxml", export)).find(".//media-rep")
    assert source is not None
    clip = next(iter(read(text_of("otio", export), "otio_json").find_clips()))

    assert ET.fromstring(text_of("xmeml", export)).findtext(".//pathurl") == xmeml
    assert source.get("src") == fcpxml
    assert clip.media_reference.target_url == in_otio


def test_otio_has_the_metadata_of_premiere() -> None:
    """One id for the picture and the sound of each cut; size, rates, channels; markers at their places."""
    timeline = read(text_of("otio", short_export(film())), "otio_json")
    video, audio = timeline.tracks
    stack = timeline.tracks.metadata["PremierePro_OTIO"]
    ids = [
        [clip.metadata["PremierePro_OTIO"]["LinkID"] for clip in track.find_clips()]
        for track in (video, audio)
    ]

    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])
    assert dict(stack["VideoResolution"]) == {"width": 1920, "height": 1080}
    assert audio.metadata["PremierePro_OTIO"]["AudioChannels"]["NumberOfChannels"] == 2
    (marker,) = timeline.tracks.markers
    assert (marker.name, marker.comment, marker.color) == ("filler", "um", "YELLOW")


@pytest.mark.parametrize("name", ["xmeml", "otio", "fcpxml", "edl"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_without_a_picture_is_a_sequence_of_sound(name: str, channels: int) -> None:
    """At the rate that was asked for, or 25."""
    export = short_export(film(None, channels=channels))
    text = text_of(name, export)
    plan = export.plan_or_default()

    assert plan.media.timebase.rate == 25
    if name == "xmeml":
        root = ET.fromstring(text)
        assert root.find(".//video/track") is None
        assert len(root.findall(".//audio/track")) == channels
    elif name == "otio":
        timeline = read(text, "otio_json")
        assert [track.kind for track in timeline.tracks] == ["Audio"]
    elif name == "fcpxml":
        asset = ET.fromstring(text).find(".//asset")
        assert asset is not None
        assert asset.get("hasVideo") is None
    else:
        assert f"AX       {'A' * channels:<5} C" in text


@pytest.mark.parametrize("mode", ["mute", "speed"])
def test_muted_and_fast_ranges_reach_every_program(mode: str) -> None:
    """The sound is off in them, or they play at the factor."""
    media = film()
    transcript = transcript_of(*SHORT.words, silences=SHORT.silences, media=media)
    export = export_of(media, transcript, cuts={"mode": mode, "speed_factor": 4.0})
    root = ET.fromstring(text_of("xmeml", export))
    timeline = read(text_of("otio", export), "otio_json")
    fcpxml, edl = text_of("fcpxml", export), text_of("edl", export)
    if mode == "mute":
        with pytest.raises(InvalidOption, match="auto-editor"):
            text_of("auto-editor", export)
        enabled = [item.findtext("enabled") for item in root.findall(".//audio/track")[0].iter("clipitem")]
        assert enabled == ["TRUE", "FALSE"]
        assert [clip.enabled for clip in timeline.audio_tracks()[0].find_clips()] == [True, False]
        assert [clip.enabled for clip in timeline.video_tracks()[0].find_clips()] == [True, True]
        assert fcpxml.count('amount="-96dB"') == 1
        assert "AX       V     C" in edl
    else:
        items = list(root.findall(".//video/track")[0].iter("clipitem"))
        assert items[1].findtext(".//parameter[parameterid='speed']/value") == "400"
        assert int(items[1].findtext("out", "")) - int(items[1].findtext("in", "")) == int(
            items[1].findtext("end", "")
        ) - int(items[1].findtext("start", ""))
        fast = list(timeline.video_tracks()[0].find_clips())[1]
        assert fast.effects[0].time_scalar == 4.0
        assert fcpxml.count("<timeMap>") == 1
        assert "M2   AX       100.0" in edl
        assert json.loads(text_of("auto-editor", export))["chunks"][1][2] == 4.0


def test_markers_for_resolve_are_where_the_cuts_would_be() -> None:
    """Without a plan: at each silence, in the time of the whole media from one hour on."""
    transcript = transcript_of(*SHORT.words, silences=SHORT.silences, media=film())
    lines = text_of("edl-markers", Export(transcript, "a.mov")).splitlines()

    assert lines[3].split()[4] == "01:00:02:15"
    assert lines[4] == "silence |C:ResolveColorBlue |M:silence |D:185"


def test_auto_editor_covers_the_whole_media() -> None:
    """From frame 0 on, end exclusive, without a hole; what is cut has the speed 99999."""
    document = json.loads(text_of("auto-editor", short_export(film(Fraction(24000, 1001)))))
    chunks = document["chunks"]

    assert (document["version"], document["timebase"]) == ("1", "24000/1001")
    assert chunks[0][0] == 0
    assert all(left[1] == right[0] for left, right in pairwise(chunks))
    assert [speed for _, _, speed in chunks] == [1.0, 99999.0]


@pytest.mark.parametrize("name", ["xmeml", "fcpxml", "edl", "edl-markers"])
def test_a_rate_without_timecode_is_refused(name: str) -> None:
    """15.5 frames per second: a wrong timebase would be worse than none; OTIO takes it."""
    transcript = transcript_of(*SHORT.words, media=film(Fraction(31, 2)))
    export = Export(transcript, "a.mov")

    with pytest.raises(UnsupportedFrameRate, match="31/2"):
        render(name, export)
    assert read(text_of("otio", export), "otio_json").duration().rate == 15.5


def test_a_timecode_that_the_sequence_cannot_have_is_refused() -> None:
    """It is named."""
    with pytest.raises(InvalidOption, match="sequenceTimecode"):
        render("xmeml", short_export(film(), sequence_timecode="00:00:00:25"))


@pytest.mark.parametrize("name", ["xmeml", "fcpxml"])
def test_no_name_breaks_a_document(name: str) -> None:
    """Control characters, brackets and half a character in the name of the media."""
    transcript = transcript_of(*SHORT.words, media=film())

    for file_name in ["a\x00b\x1f.mov", "<&>\"'.mov", "a\ud800.mov", "]]>.mov", ""]:
        ET.fromstring(text_of(name, Export(transcript, file_name)))


UNUSUAL = {
    "32 channels": film(channels=32),
    "past midnight": film(start_timecode="23:59:58:00"),
    "over a dropped label": film(Fraction(60000, 1001), start_timecode="00:00:58;00"),
    "a picture behind the first words": film(video_start=1.7),
    "no picture": film(None, channels=1),
}


@pytest.mark.parametrize("name", ["xmeml", "otio"])
@pytest.mark.parametrize("kind", UNUSUAL)
def test_unusual_media_has_its_cuts_too(kind: str, name: str) -> None:
    """Frame numbers do not wrap with the labels, and words before the first picture are not in a sequence."""
    transcript = transcript_of(
        Word("שלום", 1.0, 1.4),
        Word("<&>", 3.0, 3.4),
        Word("end", 8.0, 8.4),
        silences=(Interval(1.4, 3.0), Interval(3.4, 8.0), Interval(8.4, 10.0)),
        media=UNUSUAL[kind],
    )
    export = export_of(UNUSUAL[kind], transcript)
    timeline = read(text_of(name, export), {"xmeml": "fcp_xml", "otio": "otio_json"}[name])
    track = [*timeline.video_tracks(), *timeline.audio_tracks()][0]

    assert frames_of(track, export.media.timebase.start_frame) == clips_of(export.plan_or_default())
    assert len(track) == (2 if kind == "a picture behind the first words" else 3)
