"""Flags from a model of options: names, types and help are those of the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from audio_tools.errors import InvalidOption
from audio_tools.exports.cut_options import RangeOption
from audio_tools.options import OptionsModel

Command = Callable[..., None]
Model = TypeVar("Model", bound=OptionsModel)

_WORDS = re.compile(r"w(\d+)(?:-w(\d+))?")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


def flag(field: str) -> str:
    """The flag of a field: `--min-silence`."""
    return "--" + field.replace("_", "-")


def model_options(model: type[OptionsModel]) -> Callable[[Command], Command]:
    """Give a command one flag for each field of a model; what is not given is None or empty."""

    def decorate(command: Command) -> Command:
        for name, field in reversed(model.model_fields.items()):
            default = field.default
            shown = "" if default is None or default is False or default == [] else f"  [default: {default}]"
            help_text = f"{field.description}{shown}"
            command = click.option(flag(name), name, help=help_text, **_click_type(field.annotation))(command)
        return command

    return decorate


def parse_flags(model: type[Model], given: Mapping[str, Any]) -> Model:
    """
    The flags of `model_options` among `given` as options.

    Raises:
        InvalidOption: a value is out of range; it names the flag.
    """
    taken = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if name in model.model_fields and value is not None and value != ()
    }
    try:
        return model.parse(taken)[0]
    except InvalidOption as error:
        fields = {field.alias: name for name, field in model.model_fields.items()}
        option = re.split(r"[.\[]", error.option, maxsplit=1)[0]
        named = flag(fields.get(option, option))
        raise InvalidOption(named, error.value, error.allowed) from None


def _click_type(annotation: Any) -> dict[str, Any]:
    """The arguments of `click.option` for a type."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    kind = kinds[0] if get_origin(annotation) is UnionType else annotation
    if get_origin(kind) is Literal:
        return {"type": click.Choice(get_args(kind))}
    if kind is bool:
        return {"is_flag": True, "default": None}
    if get_origin(kind) is list and get_args(kind)[0] is RangeOption:
        return {"multiple": True, "callback": _parse_ranges, "metavar": "RANGE"}
    if get_origin(kind) is list:
        return {"callback": _split, "metavar": "WORD,WORD,…"}
    named = {float: "NUMBER", int: "N"}
    return {"type": kind if kind in named else str, "metavar": named.get(kind, "TEXT")}


def _split(ctx: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:  # noqa: ARG001
    """Comma-separated words and phrases."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _parse_ranges(
    ctx: click.Context,  # noqa: ARG001
    parameter: click.Parameter,
    texts: tuple[str, ...],
) -> list[dict[str, Any]] | None:
    """`12.5-14` is a range in seconds, `w30-w35` one of words."""
    return [_parse_range(parameter.opts[0], text) for text in texts] or None


def _parse_range(name: str, text: str) -> dict[str, Any]:
    if words := _WORDS.fullmatch(text):
        first = int(words[1])
        return {"firstWord": first, "lastWord": int(words[2] or first)}
    if seconds := _SECONDS.fullmatch(text):
        return {"start": float(seconds[1]), "end": float(seconds[2])}
    raise InvalidOption(name, text, "seconds like 12.5-14, or words like w30-w35")
