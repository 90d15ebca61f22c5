"""Every field of a transcript, with its unit and its meaning, for the OpenAPI document."""

from __future__ import annotations

from typing import get_args

from audio_tools.server.openapi.json_schema import flag, list_of, number, or_null, record, ref, text, whole
from audio_tools.transcript import Json, Timing

START = number("Where it begins, seconds from the start of the media.")
END = number("Where it ends, seconds from the start of the media.")
SPEAKER = text("Who speaks, where the engine tells speakers apart; a name holds within one transcript.")
TRANSCRIPT = {
    "words": list_of(ref("Word"), "In order; empty where `wordTimestamps` is false."),
    "segments": list_of(ref("Segment"), "In order."),
    "silenceSegments": list_of(ref("Silence"), "In order."),
    "totalDuration": number("Seconds from the start of the media to its end.", minimum=0),
    "totalChunks": whole("Into how many chunks it was cut."),
    "successRate": number("Percent of the chunks that have a true answer.", minimum=0, maximum=100),
    "text": text("All that was said."),
    "language": or_null(text("Spoken language, ISO 639-1; null if nobody knows.")),
    "engine": text("Who turned chunks into words."),
    "model": text("The engine's model."),
    "aligner": or_null(text("Who put words on the samples: `pocketsphinx`, `whisper`; null if nobody did.")),
    "silenceDetection": text(
        "How silence was really found: by level, by a model of the voice (`vad`), by both (`auto`).",
        enum=["level", "vad", "auto"],
    ),
    "failedChunks": list_of(ref("FailedChunk"), "Chunks without an answer; their text is never made up."),
    "gaps": list_of(ref("Interval"), "Speech that no word covers, though it was asked for twice."),
    "warnings": list_of({"type": "string"}, "Sentences about what else is not as it should be."),
    "media": ref("Media", "What the file is."),
    "usage": ref("Usage", "What the transcript took."),
    "dryRun": flag("Whether nothing was done, and the figures are an estimate."),
}
TRANSCRIPTS: dict[str, Json] = {
    "Transcript": record("All times are seconds from the start of the media.", TRANSCRIPT),
    "Word": record(
        "A spoken word.",
        {
            "word": text("The word as it is written."),
            "start": START,
            "end": END,
            "timing": text(
                "Where the times come from: the engine, the samples (`aligned`), or a guess within bounds.",
                enum=[*get_args(Timing)],
            ),
        },
        {
            "confidence": number("How sure the engine is, where it says so.", minimum=0, maximum=1),
            "speaker": SPEAKER,
        },
    ),
    "Segment": record(
        "A sentence or phrase as the engine cut it.",
        {"id": whole("Counts from 0."), "start": START, "end": END, "text": text("What was said.")},
        {
            "avgLogprob": number("Whisper's mean log probability of a token, where it is known."),
            "compressionRatio": number(
                "Whisper's compression ratio of the text: high where it repeats itself."
            ),
            "noSpeechProb": number("Whisper's probability that nobody speaks.", minimum=0, maximum=1),
            "speaker": SPEAKER,
        },
    ),
    "Silence": record(
        "A time without speech, at least `silenceThreshold` seconds long, or 10 ms less.",
        {
            "start": START,
            "end": END,
            "duration": number("Its length, seconds.", minimum=0),
            "type": text("Always `silence`.", const="silence"),
        },
    ),
    "Interval": record("A stretch of time.", {"start": START, "end": END}),
    "FailedChunk": record(
        "A chunk without an answer.",
        {
            "index": whole("Which chunk, counted from 0."),
            "start": START,
            "end": END,
            "error": text("The stable code of the last error."),
            "message": text("What was wrong, one sentence."),
        },
    ),
    "Media": record(
        "The media file. What is not known, or has no meaning without a picture, is left out.",
        {
            "container": text("The format of the file, as FFmpeg calls it."),
            "audioStreams": list_of(ref("AudioStream"), "All of them."),
            "audioStream": whole("Which of them was used, counted from 0."),
            "audioStartOffset": number("When that one starts on the media's clock, seconds."),
        },
        {
            "duration": number("As the file itself says, seconds.", minimum=0),
            "frameRate": text("Frames per second as a fraction: `30000/1001`."),
            "variableFrameRate": flag("Whether frames come at no fixed rate."),
            "width": whole("Of the picture, pixels."),
            "height": whole("Of the picture, pixels."),
            "startTimecode": text("`HH:MM:SS:FF`, with `;` before the frames if they are dropped."),
            "dropFrame": flag("Whether the timecode drops frame numbers."),
        },
    ),
    "AudioStream": record(
        "An audio stream of the file.",
        {
            "position": whole("Its place among the audio streams, from 0: what `audioStream` means."),
            "index": whole("Its place among all streams, from 0."),
            "codec": text("As FFmpeg calls it."),
            "sampleRate": whole("Hz."),
            "channels": whole("How many."),
            "start": number("When it starts on the media's clock, seconds."),
            "default": flag("Whether the file marks it as the one to play."),
        },
        {
            "duration": number("Seconds.", minimum=0),
            "language": text("As the file says, mostly ISO 639-2."),
            "title": text("As the file says."),
        },
    ),
    "Usage": record(
        "What the transcript took.",
        {
            "seconds": number("Of audio sent to the engine, seconds.", minimum=0),
            "calls": whole("How many requests were made."),
            "storedChunks": whole("How many chunks had an answer from earlier, and cost nothing."),
            "estimatedCostUsd": number("US dollars: by the provider's count, else by its price.", minimum=0),
        },
        {"tokens": whole("How many the provider counted, in and out, where it does.")},
    ),
}
"""The transcript and what it holds, by name."""
