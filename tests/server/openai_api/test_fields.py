"""The form fields of a call: their bracket forms, what is ignored, and what is refused by name."""

from __future__ import annotations

from functools import partial

import pytest

from audio_tools.engines.languages import language_code
from audio_tools.engines.model_names import options_for
from audio_tools.errors import OptionRefused
from audio_tools.options import Options
from audio_tools.server.openai_api.engine_facts import EngineFacts
from audio_tools.server.openai_api.errors import FieldRefused
from audio_tools.server.openai_api.fields import Call, parse_call
from audio_tools.settings import Settings

FACTS = EngineFacts(
    models=("whisper-1",),
    options_for=partial(options_for, Settings(engine="openai")),
    separates_speakers=lambda options: "diarize" in (options.model or ""),
    language_code=language_code,
    language_names={},
)


def parsed(*texts: tuple[str, str], translate: bool = False) -> Call:
    return parse_call((("model", "whisper-1"), *texts), FACTS, translate=translate)


def test_defaults() -> None:
    """The model alone is enough, and empty fields are none."""
    assert parsed() == Call(Options())
    assert parsed(("language", ""), ("prompt", " "), ("stream", "")) == Call(Options())


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("whisper-1", {}),
        ("whisper", {"engine": "whisper"}),
        ("openai", {"engine": "openai"}),
        ("gpt-4o-transcribe", {"engine": "openai", "model": "gpt-4o-transcribe"}),
        ("gpt-transcribe", {"engine": "openai", "model": "gpt-transcribe"}),
        ("large-v3", {"model": "large-v3"}),
    ],
)
def test_which_engine_runs(model: str, options: dict[str, str]) -> None:
    """The rule of docs/openai-api.md."""
    assert parse_call((("model", model),), FACTS, translate=False).options == Options.parse(options)[0]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("whisper-1", {}),
        ("openai/whisper-1", {}),
        ("base", {}),
        ("small.en", {"model": "small.en"}),
        ("whisper-large-v3-turbo", {"model": "large-v3-turbo"}),
        ("Whisper-Large-v3", {"model": "large-v3"}),
        ("openai/whisper-tiny.en", {"model": "tiny.en"}),
        ("Systran/faster-whisper-small", {"model": "small"}),
        ("Systran/faster-distil-whisper-large-v3", {"model": "distil-large-v3"}),
        ("distil-whisper-large-v3-en", {"model": "distil-large-v3"}),
        ("gpt-transcribe", {"engine": "openai", "model": "gpt-transcribe"}),
    ],
)
def test_names_of_the_local_whisper(model: str, options: dict[str, str]) -> None:
    """Those of other services and of the hub mean its models; another one is not found."""
    local = Settings(engine="whisper", whisper_model="base")

    assert options_for(local, model) == options
    with pytest.raises(OptionRefused, match="Unknown Whisper model: voxtral-mini") as caught:
        options_for(local, "voxtral-mini")
    assert caught.value.option == "model"


def test_every_form_of_a_list() -> None:
    """With brackets, as the SDKs send them, and without."""
    with_brackets = parsed(
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("keywords[]", "Ada"),
        ("keywords[]", "Byron"),
        ("prompt", "Names:"),
        ("languages[]", "german"),
        ("chunking_strategy[type]", "server_vad"),
    )
    without = parsed(
        ("response_format", "verbose_json"),
        ("timestamp_granularities", "word"),
        ("chunking_strategy", '{"type": "server_vad"}'),
    )
    numbered = parsed(
        ("response_format", "verbose_json"),
        ("timestamp_granularities[0]", "word"),
        ("timestamp_granularities[1]", "segment"),
    )
    json = parsed(("response_format", "verbose_json"), ("timestamp_granularities", '["word", "segment"]'))

    assert with_brackets.granularities == ("word", "segment")
    assert with_brackets.options == Options(language="de", prompt="Names: Ada, Byron")
    assert without.granularities == ("word",)
    assert numbered.granularities == json.granularities == ("word", "segment")
    assert with_brackets.ignored == without.ignored == numbered.ignored == json.ignored == ()


@pytest.mark.parametrize(
    ("name", "text", "param"),
    [
        ("temperature", "warm", "temperature"),
        ("temperature", "-0.1", "temperature"),
        ("temperature", "1.1", "temperature"),
        ("temperature", "nan", "temperature"),
        ("known_speaker_names[]", "Ann", "known_speaker_names"),
        ("known_speaker_references[]", "data:", "known_speaker_references"),
        ("response_format", "xml", "response_format"),
        ("response_format", "diarized_json", "response_format"),
        ("timestamp_granularities[]", "word", "timestamp_granularities"),
        ("stream", "maybe", "stream"),
        ("model", "again", "model"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(name: str, text: str, param: str) -> None:
    """The parameter of the error is the field without its brackets."""
    with pytest.raises(FieldRefused) as caught:
        parsed((name, text))

    assert caught.value.facts() == {"option": param}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([("temperature", "0.2")], "temperature"),
        ([("include[]", "logprobs")], "include"),
        ([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")], "chunking"),
        ([("chunking_strategy", '{"type": "server_vad", "threshold": 1}')], "chunking_strategy"),
        ([("languages[]", "en"), ("languages[]", "de")], "languages"),
        ([("word_timestamps", "true"), ("vad_filter", "true")], "vad_filter, word_timestamps"),
        ([("vad_filter", "true"), ("vad_filter", "false"), ("", "x")], "vad_filter"),
    ],
)
def test_what_has_no_effect_is_ignored_with_a_sentence(texts: list[tuple[str, str]], words: str) -> None:
    """Tools send fields of other servers, and OpenAI's own that no engine here has."""
    call = parsed(*texts)

    assert call.options == Options()
    (sentence,) = call.ignored
    assert words in sentence


@pytest.mark.parametrize("name", ["auto", "Auto", ""])
def test_a_language_to_be_detected(name: str) -> None:
    """Many tools send `auto` unless their user has chosen one."""
    assert parsed(("language", name)) == Call(Options())
    assert parsed(("language", "en-US")).options == Options(language="en")


@pytest.mark.parametrize(
    "texts",
    [
        [("stream", "true"), ("response_format", "srt")],
        [("response_format", "verbose_json"), ("timestamp_granularities[]", "letter")],
    ],
)
def test_combinations_that_are_refused(texts: list[tuple[str, str]]) -> None:
    """Captions cannot be streamed, and times of letters are not known."""
    with pytest.raises(FieldRefused):
        parsed(*texts)


@pytest.mark.parametrize("name", ["language", "stream", "timestamp_granularities[]"])
def test_a_translation_has_fewer_fields(name: str) -> None:
    """Those of OpenAI's route; the job translates, and other fields are ignored."""
    call = parsed((name, "en"), ("prompt", "In English."), translate=True)

    assert call.options == Options(task="translate", prompt="In English.")
    assert name.removesuffix("[]") in call.ignored[0]


def test_speakers_need_a_model_that_separates_them() -> None:
    """Known before the job runs."""
    texts = (("model", "gpt-4o-transcribe-diarize"), ("response_format", "diarized_json"))

    assert parse_call(texts, FACTS, translate=False).response_format == "diarized_json"
