"""The samples of an encoded chunk, and what is measured on them: level and voice."""

from __future__ import annotations

from audio_tools.audio.loudness import Loudness
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.voice import Voice
from audio_tools.media.encode import EncodedAudio, decode_encoded
from audio_tools.transcript import Interval


class ChunkSamples:
    """The samples of an encoded chunk; decoded and measured once, when they are first needed. Slow."""

    def __init__(self, audio: EncodedAudio) -> None:
        self._audio = audio
        self._pcm: Pcm | None = None
        self._loudness: Loudness | None = None
        self._voice: Voice | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self._audio.seconds

    def pcm(self) -> Pcm:
        """Return the samples."""
        if self._pcm is None:
            self._pcm = decode_encoded(self._audio)
        return self._pcm

    def sounds(self, stretch: Interval) -> bool:
        """See `words.timing.Sounds`."""
        return self._levels().sounds(stretch)

    def end_of_sound(self, word: Interval) -> float:
        """See `words.ends.end_with_sound`."""
        return self._levels().end_of_sound(word)

    def end_of_sound_behind(self, word: Interval, until: float, most_below_db: float) -> float:
        """See `words.ends.EndBehind`."""
        return self._levels().end_of_sound_behind(word, until, most_below_db)

    def _levels(self) -> Loudness:
        if self._loudness is None:
            self._loudness = Loudness(self.pcm())
        return self._loudness

    def voiced(self, stretch: Interval) -> bool:
        """See `words.unspoken.Voiced`."""
        return self._voices().is_in(stretch)

    def voice_s(self, stretch: Interval) -> float:
        """See `Voice.seconds_in`."""
        return self._voices().seconds_in(stretch)

    def _voices(self) -> Voice:
        if self._voice is None:
            self._voice = Voice(self.pcm())
        return self._voice
