"""Transcripts for the tests of cut plans and exports."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from audio_tools.transcript import AudioStream, Interval, MediaInfo, Segment, Transcript, Word

RATES = [
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(50),
    Fraction(60000, 1001),
]


def film(
    rate: Fraction | None = Fraction(25),
    *,
    start_timecode: str | None = None,
    channels: int = 2,
    audio_start: float = 0.0,
    video_start: float = 0.0,
) -> MediaInfo:
    """A file with a picture at `rate`, or with sound alone if it is None."""
    stream = AudioStream(0, 1, "aac", 48_000, channels, audio_start)
    return MediaInfo(
        container="mov",
        duration=60.0,
        audio_streams=(stream,),
        frame_rate=rate,
        width=1920 if rate else None,
        height=1080 if rate else None,
        start_timecode=start_timecode,
        drop_frame=";" in (start_timecode or ""),
        video_start=video_start if rate else None,
    )


def transcript_of(
    *words: Word,
    silences: tuple[Interval, ...] = (),
    duration: float = 10.0,
    media: MediaInfo | None = None,
    segments: tuple[Segment, ...] = (),
    language: str | None = "en",
) -> Transcript:
    """A transcript with these words and silences."""
    return Transcript(
        words=words,
        segments=segments,
        silences=silences,
        duration=duration,
        total_chunks=1,
        success_rate=100.0,
        text=" ".join(word.word for word in words),
        language=language,
        engine="fake",
        model="none",
        media=media or film(),
    )


def say(text: str, *, start: float = 0.0, word_s: float = 0.3, pause_s: float = 0.0) -> list[Word]:
    """The words of a text one after the other; `|` is a pause of half a second."""
    words, clock = [], start
    for token in text.split():
        if token == "|":
            clock += 0.5
            continue
        words.append(Word(token, round(clock, 4), round(clock + word_s, 4)))
        clock += word_s + pause_s
    return words


texts = st.sampled_from(
    [
        "I",
        "the",
        "um",
        "uh",
        "so,",
        "well",
        "Ja,",
        "nein.",
        "again",
        "fuck",
        "shit-",
        "stop.",
        "世界",
        "now",
        "we",
        "we're",
        "can't",
        "take",
        "two",
        "A.",
        "U.S.",
        "—",
        "…",
    ]
)
seconds = st.integers(0, 30_000).map(lambda tenths_of_ms: tenths_of_ms / 10_000)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Words and silences with all that engines do: overlaps, words of no length, sound at both ends."""
    rate = draw(st.sampled_from([*RATES, None, Fraction(15), Fraction(2997, 100)]))
    steps = draw(st.lists(st.tuples(texts, seconds, seconds, st.booleans()), max_size=25))
    clock = 0.0
    words: list[Word] = []
    silences: list[Interval] = []
    for text, gap, length, silent in steps:
        if silent and gap > 0:
            silences.append(Interval(round(clock, 4), round(clock + gap, 4)))
        start = clock + gap
        words.append(Word(text, round(start, 4), round(start + length + 0.001, 4)))
        # Some words begin before the last one has ended.
        clock = start + draw(st.sampled_from([length, length, length / 2])) + 0.001
    end = max([clock, *(word.end for word in words)]) + draw(seconds)
    if draw(st.booleans()) and end - clock > 0.001:
        silences.append(Interval(round(max(clock, *(word.end for word in words), 0.0), 4), round(end, 4)))
    kept = tuple(silence for silence in silences if silence.end > silence.start)
    media = film(rate, start_timecode=draw(st.sampled_from([None, "01:00:00:00", "10:00:00;00"])))
    return transcript_of(*words, silences=kept, duration=max(round(end, 4), 0.01), media=media)
