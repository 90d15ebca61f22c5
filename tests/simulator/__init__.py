"""A stand-in for the OpenAI transcription API that really listens, and media for it to listen to."""

from tests.simulator.beds import BEDS, CLEAN, HUM, MUSIC, PINK, WHITE, Bed
from tests.simulator.conduct import (
    KINDS,
    Fault,
    Inaccuracy,
    Latency,
    at_random,
    by_plan,
    for_words,
    no_faults,
)
from tests.simulator.ears import GARBLED, Heard, listen
from tests.simulator.foreign import DIALECTS, Dialect
from tests.simulator.log import Record
from tests.simulator.media import render, samples, sound
from tests.simulator.process import simulator_process
from tests.simulator.script import Pause, Script, Spoken, talk, talk_without_pauses
from tests.simulator.server import KEY, Simulator
from tests.simulator.tones import SAMPLE_RATE_HZ, WORD_SECONDS, encode_word, word_number, word_text

__all__ = [
    "BEDS",
    "CLEAN",
    "DIALECTS",
    "GARBLED",
    "HUM",
    "KEY",
    "KINDS",
    "MUSIC",
    "PINK",
    "SAMPLE_RATE_HZ",
    "WHITE",
    "WORD_SECONDS",
    "Bed",
    "Dialect",
    "Fault",
    "Heard",
    "Inaccuracy",
    "Latency",
    "Pause",
    "Record",
    "Script",
    "Simulator",
    "Spoken",
    "at_random",
    "by_plan",
    "encode_word",
    "for_words",
    "listen",
    "no_faults",
    "render",
    "samples",
    "simulator_process",
    "sound",
    "talk",
    "talk_without_pauses",
    "word_number",
    "word_text",
]
