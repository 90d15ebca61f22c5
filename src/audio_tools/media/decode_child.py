"""
Decodes one audio stream of a media file: the child process of `decode.py`.

Standard output gets `records`: all channels of the stream as 16-bit samples at 16 kHz, each run of them with
its place on the media's clock. A decoder of a hundred formats has bugs that a hostile file can reach, so it
never runs in the service itself. Not numpy: its import would double the time to the first sample.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from audio_tools.media.clock import SoundPlacer
from audio_tools.media.edit_list import Edit, read_movie
from audio_tools.media.ffmpeg_log import CUT_OFF, ENCRYPTED, NO_SUCH_STREAM, TOO_MANY_CHANNELS, UNKNOWN_CODEC
from audio_tools.media.libav import Log, discard_others, listening, open_media
from audio_tools.media.programs import is_scrambled
from audio_tools.media.records import RecordWriter, Report
from audio_tools.media.sample_run import SAMPLE_RATE_HZ, SampleRun, TooManyChannels
from audio_tools.media.sandbox import confine
from audio_tools.media.timeline import Timeline
from audio_tools.media.truncation import unread_share

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream


PROTECTED = ("drms", "enca", "aavd")
"""Sound bought in the iTunes of old or from Audible, by its tag in an MP4."""


UNTIMED = ("aac", "loas", "ac3", "eac3", "truehd", "mlp", "dts", "dtshd", "amr", "amrnb", "amrwb")
"""
Formats without timestamps. Those that libavformat computes are wrong after a change of the sample rate, as in
files that were joined byte by byte.
"""

KEY_TAG = "enc_key_id"
"""Where libavformat notes the key of an encrypted track of Matroska or WebM."""

ASF_PROTECTED = ("DRM protected", "Ext DRM protected")
"""How libavformat warns of a protected Windows Media file."""


class Unusable(Exception):
    """The stream cannot be decoded; the message is one of `log`'s."""


class _Decoding:
    """One pass over the file; `report` is complete after `run`."""

    def __init__(
        self, media: InputContainer, stream: AudioStream, timeline: Timeline, log: Log, writer: RecordWriter
    ) -> None:
        self._media, self._stream, self._log, self._writer = media, stream, log, writer
        self._base = float(stream.time_base or 1)
        self._timeline = timeline
        self._placer = SoundPlacer()
        self._run: SampleRun | None = None
        end = timeline.sound_end
        self._clip = 0, sys.maxsize if end is None else round(end * SAMPLE_RATE_HZ)
        self._untimed = media.format.name in UNTIMED
        self._counts_samples = media.format.name == "flac"
        self._seen_any = False
        self._cut_off = False
        self.read_to = 0
        """Where the last packet ends in the file, in bytes."""

    def run(self, edits: Sequence[Edit] | None) -> Report:
        """Decode the whole stream, by its edits if they are given."""
        if edits is None:
            for frame, due, seconds in self._frames():
                self._take(frame, due, seconds)
        else:
            self._play(edits)
        self._finish_run()
        complaints = self._log.complaints()
        cut_off = self._cut_off or any(sign in complaints for sign in CUT_OFF) or self._timeline.ends_early
        return Report(
            complaints=complaints,
            # The index of a file that was cut off lists what is not there any more.
            media_end=self._placer.end if cut_off and not self._timeline.watched else self._timeline.end,
            joined_at=tuple(self._timeline.clock.joined_at),
            clock_ignored=self._placer.clock_ignored,
            explained=self._timeline.explained,
            cut_off=cut_off,
        )

    def _frames(self) -> Iterator[tuple[AudioFrame, float, float]]:
        """
        Decoded frames, when each is due, and how long it is, in seconds.

        The ends of other streams are noted by the way.
        """
        following = self._timeline.origin
        stream, base, place = self._stream, self._base, self._timeline.clock.place
        index = stream.index
        for packet in self._packets():
            if packet.stream is not stream:
                self._timeline.note(packet)
                continue
            for frame in self._decoded(packet):
                samples, rate, pts = frame.samples, frame.sample_rate, frame.pts
                if not samples:
                    continue
                seconds = samples / rate
                # FLAC counts samples, of the first rate after a change too.
                untimed = self._untimed or (self._counts_samples and rate * base != 1)
                stamp = following if untimed or pts is None else pts * base
                following = stamp + seconds
                yield frame, place(index, stamp, seconds), seconds

    def _packets(self) -> Iterator[Packet[Any]]:
        wanted: list[Stream] = [self._stream, *self._timeline.watched]
        discard_others(self._media, wanted)
        packets, trim = self._media.demux(wanted), self._log.trim
        while True:
            trim()
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, MemoryError) as error:
                self._log.note(str(error))
                self._cut_off = True
                return
            if packet is None:
                return
            size = packet.size
            if size:
                self._cut_off = packet.is_corrupt
                self.read_to = max(self.read_to, (packet.pos or 0) + size)
            yield packet

    def _decoded(self, packet: Packet[AudioStream]) -> Sequence[AudioFrame]:
        try:
            if not self._seen_any:
                if packet.has_sidedata("encryption_info"):
                    raise Unusable(ENCRYPTED)
                self._seen_any = True
            return packet.decode()
        except av.error.FFmpegError as error:
            # Some files are in the clear for a while before they are encrypted.
            if packet.has_sidedata("encryption_info"):
                raise Unusable(ENCRYPTED) from None
            self._log.note(str(error))
            return []

    def _take(self, frame: AudioFrame, due: float, seconds: float) -> None:
        run, placer = self._run, self._placer
        before = placer.end
        fits = run is not None and run.fits(frame)
        at = placer.place(due, seconds, anew=not fits)
        if run is None or at != before or not fits:
            self._finish_run()
            run = self._run = SampleRun(at, frame, self._put)
        run.add(frame)

    def _finish_run(self) -> None:
        if self._run is not None:
            self._run.close()
        self._run = None

    def _put(self, channels: int, start: int, samples: memoryview) -> None:
        """Send what lies within the edit that is being played."""
        first, end = self._clip
        width = 2 * channels
        skipped = max(first - start, 0)
        samples = samples[skipped * width : max(end - start, 0) * width]
        if len(samples):
            self._writer.samples(channels, start + skipped, samples)

    def _play(self, edits: Sequence[Edit]) -> None:
        """Put the sound of each edit where the edit list wants it; what is played later may lie earlier."""
        frames = self._frames()
        played_to = 0.0
        for edit in edits:
            if edit.media is None:
                continue
            if edit.media < played_to:
                self._media.seek(max(round((edit.media - 1) / self._base), 0), stream=self._stream)
                self._timeline.clock = self._timeline.new_clock()
                frames = self._frames()
            end_s = edit.start + edit.duration
            self._clip = round(edit.start * SAMPLE_RATE_HZ), round(end_s * SAMPLE_RATE_HZ)
            self._placer = SoundPlacer()
            for frame, due, seconds in frames:
                played_to = due + seconds
                if played_to > edit.media:
                    self._take(frame, due - edit.media + edit.start, seconds)
                if played_to >= edit.media + edit.duration:
                    break
            self._finish_run()


def _is_encrypted(media: InputContainer, stream: AudioStream, path: Path, log: Log) -> bool:
    """Whether a decoder would make noise of the stream, since it cannot read it."""
    if _codec_tag(stream) in PROTECTED or KEY_TAG in stream.metadata:
        return True
    if media.format.name == "mpegts":
        return is_scrambled(path)
    return media.format.name == "asf" and any(log.warned_of(warning) for warning in ASF_PROTECTED)


def _codec_tag(stream: AudioStream) -> str:
    """The four characters of a codec in an MP4; elsewhere it is a number, which PyAV may fail to read."""
    try:
        return stream.codec_context.codec_tag
    except UnicodeDecodeError:
        return ""


def decode(path: Path, position: int, writer: RecordWriter) -> None:
    """Decode the audio stream at `position`, counted from 0; the last record is a report or a failure."""
    with listening() as log:
        try:
            movie = read_movie(path)
            options = {"ignore_editlist": "1"} if movie and movie.edits else {}
            with open_media(path, options) as media:
                if position >= len(media.streams.audio):
                    raise Unusable(NO_SUCH_STREAM)
                stream = media.streams.audio[position]
                if stream.codec_context is None:
                    raise Unusable(UNKNOWN_CODEC)
                if _is_encrypted(media, stream, path, log):
                    raise Unusable(ENCRYPTED)
                edits = movie.edits.get(stream.id) if movie else None
                timeline = Timeline(media, path, stream, movie)
                decoding = _Decoding(media, stream, timeline, log, writer)
                report = decoding.run(edits)
                unread = unread_share(path, media.format.name, decoding.read_to)
                writer.report(replace(report, unread=unread))
        except TooManyChannels:
            writer.failure(TOO_MANY_CHANNELS)
        except (Unusable, av.error.FFmpegError, MemoryError) as error:
            writer.failure(f"{log.complaints()}\n{error}")


def main(arguments: Sequence[str]) -> None:
    parent_pid, path, position = arguments
    confine(int(parent_pid))
    output = os.dup(1)
    # What a library prints must not end up between the records.
    os.dup2(2, 1)
    decode(Path(path), int(position), RecordWriter(output))


if __name__ == "__main__":
    main(sys.argv[1:])
