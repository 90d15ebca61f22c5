"""
A Whisper model of 1 MB in CTranslate2's format that says the same known words at known times in every window.

CTranslate2, faster-whisper and the word alignment run for real; only the weights are made up. Nothing is
downloaded, and nothing is needed beyond what faster-whisper installs.

How made-up weights can speak:

- The output projections of attention and feed-forward layers are zero, and so are the decoder's position
  codes. What is left in the decoder is the embedding of the last token: the model knows pairs of tokens.
- Embeddings are rows of a Hadamard matrix: orthogonal, of zero mean and unit variance, so layer
  normalisation leaves them alone. The output row of a token is the code of the token that it follows. Hence
  no token may occur twice.
- The encoder's convolutions are zero, so its output is its position code. The cross-attention of a token
  looks at the middle of the word that comes next, and there the alignment finds that word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio_tools.transcript import Word

SCRIPT = (
    (0.0, 3.0, (" This", " is", " a", " scripted", " test", ".")),
    (3.5, 6.5, (" Every", " word", " has", " known", " times", "!")),
)
"""Segments: start and end in seconds, and tokens, all different; a word begins with a space."""
TEXT = "This is a scripted test. Every word has known times!"

WIDTH, HEADS, MELS = 32, 2, 80
FRAMES, FRAMES_PER_SECOND, DECODER_POSITIONS = 1500, 50, 448
SURE, LIKELY = 16.0, 8.0
"""Strength of a pair of tokens; the likely one counts only where the sure one is not allowed."""
SHARPNESS = 1.2

Matrix = NDArray[np.float32]


def script_words(start: float = 0.0) -> list[Word]:
    """The words as they should come back from a window that starts at `start` seconds."""
    words: list[Word] = []
    for first, last, tokens in SCRIPT:
        count = sum(token.startswith(" ") for token in tokens)
        length = (last - first) / count
        begin = start + first
        for token in tokens:
            if token.startswith(" "):
                words.append(Word(token.strip(), begin, begin + length))
                begin += length
            else:
                words[-1] = Word(words[-1].word + token, words[-1].start, words[-1].end)
    return words


def build(folder: Path, *, multilingual: bool = True) -> Path:
    """
    Write the model into `folder`, which is made, and give it back.

    A multilingual one detects English everywhere; one that is not knows no other language.
    """
    from ctranslate2.specs.whisper_spec import WhisperSpec
    from faster_whisper.tokenizer import _LANGUAGE_CODES as languages

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _make_tokenizer(languages, multilingual)
    vocabulary = [tokenizer.id_to_token(number) for number in range(tokenizer.get_vocab_size())]
    brain = _Automaton({token: number for number, token in enumerate(vocabulary)}, multilingual)
    spec = WhisperSpec(1, HEADS, 1, HEADS)
    _fill_encoder(spec.encoder)
    _fill_decoder(spec.decoder, brain)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [brain.number(" "), brain.number("<|endoftext|>")]
    spec.config.lang_ids = [brain.number(f"<|{code}|>") for code in languages]
    spec.config.alignment_heads = [[0, head] for head in range(HEADS)]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    features = {
        "feature_size": MELS,
        "sampling_rate": 16000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(features))
    return folder


def _make_tokenizer(languages: Sequence[str], multilingual: bool) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    merges = []
    for token in (_byte_level(token) for token in _tokens() if token.startswith(" ")):
        for length in range(2, len(token) + 1):
            if token[:length] not in vocabulary:
                vocabulary[token[:length]] = len(vocabulary)
                merges.append((token[: length - 1], token[length - 1]))
    if multilingual:
        vocabulary[""] = len(vocabulary)  # by this CTranslate2 knows a multilingual model
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [
        *("<|endoftext|>", "<|startoftranscript|>"),
        *(f"<|{code}|>" for code in languages),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
        *("<|nospeech|>", "<|notimestamps|>"),
        *(_time(number * 0.02) for number in range(FRAMES + 1)),
    ]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


class _Automaton:
    """The decoder's weights: which token follows which, and where in the sound the next word is."""

    def __init__(self, numbers: dict[str, int], multilingual: bool) -> None:
        self._numbers = numbers
        self._free_codes = iter(_hadamard(WIDTH)[1:])
        self._codes: dict[str, Matrix] = {}
        self.embeddings = np.zeros((len(numbers), WIDTH), np.float32)
        self.projection = np.zeros((len(numbers), WIDTH), np.float32)
        self.query = np.zeros((WIDTH, WIDTH), np.float32)
        self._learn_the_script(multilingual)
        for token, second in _glances():
            where = _position_code(np.array([second * FRAMES_PER_SECOND]))[0]
            self.query += np.outer(where, self._code(token)) * np.float32(SHARPNESS / WIDTH)

    def number(self, token: str) -> int:
        return self._numbers[_byte_level(token)]

    def _learn_the_script(self, multilingual: bool) -> None:
        if multilingual:
            self._follow("<|startoftranscript|>", "<|en|>", SURE)
        for opening in ("<|transcribe|>", "<|translate|>") if multilingual else ("<|startoftranscript|>",):
            self._follow(opening, _time(SCRIPT[0][0]), SURE)
        self._follow("<|notimestamps|>", SCRIPT[0][2][0], SURE)
        for start, end, tokens in SCRIPT:
            for former, latter in pairwise((_time(start), *tokens, _time(end))):
                self._follow(former, latter, SURE)
        for (_, end, tokens), (start, _, next_tokens) in pairwise(SCRIPT):
            self._follow(tokens[-1], next_tokens[0], LIKELY)
            self._follow(_time(end), _time(start), SURE)
        self._follow(SCRIPT[-1][2][-1], "<|endoftext|>", LIKELY)
        self._follow(_time(SCRIPT[-1][1]), "<|endoftext|>", SURE)

    def _follow(self, former: str, latter: str, strength: float) -> None:
        self.projection[self.number(latter)] += np.float32(strength / WIDTH) * self._code(former)

    def _code(self, token: str) -> Matrix:
        if token not in self._codes:
            self._codes[token] = next(self._free_codes)
            self.embeddings[self.number(token)] = self._codes[token]
        return self._codes[token]


def _glances() -> Iterator[tuple[str, float]]:
    """For each token the second at which the next one is heard: mid-word, or the end for punctuation."""
    words = iter(script_words())
    former = "<|notimestamps|>"
    for token in _tokens():
        if token.startswith(" "):
            word = next(words)
            yield former, word.middle
        else:
            yield former, word.end - 0.05
        former = token
    yield former, word.end + 0.3


def _fill_encoder(encoder: Any) -> None:
    encoder.conv1.weight, encoder.conv1.bias = _zeros(WIDTH, MELS, 3), _zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    encoder.position_encodings.encodings = _position_code(np.arange(FRAMES))
    _fill_norm(encoder.layer_norm)
    for layer in encoder.layer:
        _fill_self_attention(layer.self_attention)
        _fill_feed_forward(layer.ffn)


def _fill_decoder(decoder: Any, brain: _Automaton) -> None:
    decoder.embeddings.weight = brain.embeddings
    decoder.position_encodings.encodings = _zeros(DECODER_POSITIONS, WIDTH)
    decoder.scale_embeddings = False
    _fill_norm(decoder.layer_norm)
    keys_and_values = np.concatenate([np.eye(WIDTH, dtype=np.float32), _zeros(WIDTH, WIDTH)])
    for layer in decoder.layer:
        _fill_self_attention(layer.self_attention)
        _fill_norm(layer.attention.layer_norm)
        _fill_linear(layer.attention.linear[0], brain.query)
        _fill_linear(layer.attention.linear[1], keys_and_values)
        _fill_linear(layer.attention.linear[2], _zeros(WIDTH, WIDTH))
        _fill_feed_forward(layer.ffn)
    decoder.projection.weight = brain.projection


def _fill_self_attention(attention: Any) -> None:
    _fill_norm(attention.layer_norm)
    _fill_linear(attention.linear[0], _zeros(3 * WIDTH, WIDTH))
    _fill_linear(attention.linear[1], _zeros(WIDTH, WIDTH))


def _fill_feed_forward(layer: Any) -> None:
    _fill_norm(layer.layer_norm)
    _fill_linear(layer.linear_0, _zeros(4 * WIDTH, WIDTH))
    _fill_linear(layer.linear_1, _zeros(WIDTH, 4 * WIDTH))


def _fill_norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _fill_linear(linear: Any, weight: Matrix) -> None:
    linear.weight, linear.bias = weight, _zeros(len(weight))


def _position_code(frames: NDArray[np.int_] | NDArray[np.float64]) -> Matrix:
    """Sinusoids of zero mean and unit variance, shape (n_frames, WIDTH); each head gets all frequencies."""
    waves = WIDTH // 4
    columns = []
    for head in range(HEADS):
        frequencies = 2 * np.pi / np.geomspace(60, 3000, waves)[head::HEADS]
        angles = frames[:, np.newaxis] * frequencies
        columns += [np.cos(angles), np.sin(angles), -np.cos(angles), -np.sin(angles)]
    code = np.concatenate(columns, axis=1)
    scaled: Matrix = (code / code.std(axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _hadamard(size: int) -> Matrix:
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def _zeros(*shape: int) -> Matrix:
    return np.zeros(shape, np.float32)


def _tokens() -> list[str]:
    return [token for _, _, tokens in SCRIPT for token in tokens]


def _time(second: float) -> str:
    return f"<|{second:.2f}|>"


def _byte_level(token: str) -> str:
    """How byte-level BPE writes a space."""
    return token if token.startswith("<|") else token.replace(" ", "Ġ")
