"""The service that a client command connects to."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import click

from audio_tools.errors import ConfigError, InvalidOption

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--server` and `--token`; both default to the settings."""
    command = click.option(
        "--token",
        metavar="TEXT",
        callback=_find_token,
        help="API token of the service  [default: API_TOKEN]",
    )(command)
    return click.option(
        "--server",
        metavar="URL",
        callback=_find_server,
        help="URL of the service  [default: AUDIO_TOOLS_SERVER, else HOST and PORT: http://127.0.0.1:3001]",
    )(command)


def _find_token(ctx: click.Context, parameter: click.Parameter, token: str | None) -> str | None:  # noqa: ARG001
    from audio_tools.settings import Settings

    if token is None and (of_settings := Settings.load().api_token):
        token = of_settings.get_secret_value()
    if token is not None and not re.fullmatch("[!-~]*", token):
        raise ConfigError(
            "The API token has characters that are not allowed in a header.",
            hint="It must be ASCII without spaces or line breaks, like that of openssl rand -hex 32.",
        )
    return token


def _find_server(ctx: click.Context, parameter: click.Parameter, url: str | None) -> str:  # noqa: ARG001
    from audio_tools.settings import Settings

    if url is not None:
        return _checked("--server", url)
    settings = Settings.load()
    if settings.audio_tools_server:
        return _checked("AUDIO_TOOLS_SERVER", settings.audio_tools_server)
    if settings.port == 0:
        raise ConfigError(
            "PORT is 0, so the port of the service is not known.",
            hint="Use the URL that `audio-tools serve` printed: --server http://127.0.0.1:PORT",
        )
    # A service that listens on every address is reached on loopback.
    host = LOOPBACK.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(character.isspace() for character in url):
        raise InvalidOption(name, url, "an address like http://127.0.0.1:3001")
    return url
