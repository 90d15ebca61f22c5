"""Synthetic speech whose word times are known: flite's libraries (Debian: `flite`), called directly."""

from __future__ import annotations

import ctypes

import numpy as np

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from benchmarks.splices import Said

VOICE = "cmu_us_rms"
_START = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"


class _Wave(ctypes.Structure):
    """`cst_wave` of flite's cst_wave.h."""

    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class Flite:
    """
    A voice.

    Raises:
        OSError: flite is not installed.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        register = getattr(ctypes.CDLL(f"libflite_{VOICE}.so.1"), f"register_{VOICE}")
        library.flite_init()
        register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        self._voice = register(None)
        self._library = library
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("flite_synth_text", pointer, [text, pointer]),
            ("utt_relation", pointer, [pointer, text]),
            ("utt_wave", ctypes.POINTER(_Wave), [pointer]),
            ("relation_head", pointer, [pointer]),
            ("item_next", pointer, [pointer]),
            ("flite_ffeature_float", ctypes.c_float, [pointer, text]),
            ("flite_ffeature_string", text, [pointer, text]),
            ("delete_utterance", None, [pointer]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def say(self, text: str) -> tuple[Pcm, list[Said]]:
        """Samples, and the words in them as flite spells them (no punctuation, numbers as words)."""
        utterance = self._library.flite_synth_text(text.encode(), self._voice)
        wave = self._library.utt_wave(utterance).contents
        assert wave.sample_rate == SAMPLE_RATE_HZ
        pcm = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.int16)
        words = []
        item = self._library.relation_head(self._library.utt_relation(utterance, b"Word"))
        while item:
            name = self._library.flite_ffeature_string(item, b"name").decode()
            start, end = (self._library.flite_ffeature_float(item, path) for path in (_START, _END))
            words.append(Said(name, start, end))
            item = self._library.item_next(item)
        self._library.delete_utterance(utterance)
        return pcm, words
