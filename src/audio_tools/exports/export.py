"""What an export is made from: a transcript, the name of its file, a cut plan and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath

from audio_tools.errors import InvalidOption
from audio_tools.exports.after_cut import after_cut
from audio_tools.exports.caption_report import BrokenRule, check_cues
from audio_tools.exports.caption_rules import caption_rules
from audio_tools.exports.cues import Cue, CueRules, cut_channel_cues, cut_cues
from audio_tools.exports.cut_options import CutOptions, Mode
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.karaoke import one_word_cues
from audio_tools.exports.phrases import tokenize
from audio_tools.exports.profanity import find_profanity, mask
from audio_tools.exports.source import media_reference, spoken_words
from audio_tools.exports.timeline import MediaReference, Timeline
from audio_tools.transcript import Transcript, Word

ZERO = "00:00:00:00"


@dataclass(frozen=True)
class Export:
    """
    The input of an export: the transcript of the file `file_name`, and optionally a cut plan.

    With a plan, captions and text are those of the cut sequence; without one they are those of the media, and
    the formats that show a cut plan one with the default options.
    """

    transcript: Transcript
    file_name: str
    plan: CutPlan | None = None
    options: ExportOptions = field(default_factory=ExportOptions)

    @cached_property
    def media(self) -> MediaReference:
        """The media file, as the plan counts its frames."""
        if self.plan is not None:
            return replace(self.plan.media, path=self.options.media_path or self.plan.media.path)
        return media_reference(self.transcript, self.file_name, path=self.options.media_path)

    def plan_or_default(self, mode: Mode = "remove") -> CutPlan:
        """The plan, or one with the default options."""
        if self.plan is not None:
            return replace(self.plan, media=self.media)
        return plan_cuts(self.transcript, self.media, CutOptions(mode=mode))

    def timeline(self, mode: Mode = "remove") -> Timeline:
        """The sequence of the plan."""
        name = self.options.sequence_name or PurePath(self.file_name).stem or self.file_name
        return self.plan_or_default(mode).timeline(name)

    def sequence_start(self, default: str = ZERO) -> str:
        """
        The timecode of the sequence's first frame.

        Raises:
            InvalidOption: there is no such timecode at the frame rate.
        """
        wanted = self.options.sequence_timecode
        if wanted is None:
            return default
        try:
            Timeline("", self.media, ()).start_frame(wanted)
        except ValueError:
            allowed = f"a timecode that exists at {self.media.timebase.rate} frames per second"
            raise InvalidOption("sequenceTimecode", wanted, allowed) from None
        return wanted

    @cached_property
    def spoken(self) -> Transcript:
        """The transcript whose times and words captions show."""
        transcript = self.transcript if self.plan is None else after_cut(self.transcript, self.plan)
        words = spoken_words(transcript) if self.plan is None else transcript.words
        if self.options.mask_profanity:
            words = mask(words, find_profanity(words, tokenize(words), transcript.language))
        return replace(transcript, words=tuple(words))

    @property
    def words(self) -> Sequence[Word]:
        """The words that captions show."""
        return self.spoken.words

    @cached_property
    def rules(self) -> CueRules:
        """The rules of the captions, for the script of the words."""
        given = self.options
        return caption_rules(
            self.words,
            given.captions,
            frame_rate=self.transcript.media.frame_rate,
            audience=given.audience,
            max_chars=given.max_chars,
            max_lines=given.max_lines,
            max_cps=given.max_cps,
        )

    def cues(self, *, names: bool = False) -> list[Cue]:
        """The captions; with `names` those of speakers stand in the text."""
        if self.options.word_timing == "word":
            return one_word_cues(self.words, self.spoken.duration)
        cut = cut_channel_cues if self.words and self.words[0].channel is not None else cut_cues
        return cut(self.words, replace(self.rules, names=names), media_end=self.spoken.duration)

    def caption_report(self) -> list[BrokenRule]:
        """The rules that the captions (those of the SRT file) break."""
        return check_cues(self.cues(names=True), self.rules)

    def label(self) -> Callable[[float], str] | None:
        """Converts a time to a timecode; None if text has no timecodes."""
        if not self.options.timecode:
            return None
        timebase = self.media.timebase
        if self.plan is not None:
            timebase = replace(timebase, start_timecode=self.sequence_start(), origin_us=0)
        return lambda seconds: timebase.timecode(timebase.floor(round(seconds * 1000)))
