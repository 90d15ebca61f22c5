"""Which service a client command talks to."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import click

from audio_tools.errors import InvalidOption


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--server` and `--token`."""
    command = click.option(
        "--token", envvar="API_TOKEN", metavar="TEXT", help="The server's token; also from API_TOKEN."
    )(command)
    return click.option(
        "--server",
        envvar="AUDIO_TOOLS_SERVER",
        default="http://127.0.0.1:3001",
        show_default=True,
        metavar="URL",
        callback=_check_server,
        help="Where the service is; also from AUDIO_TOOLS_SERVER.",
    )(command)


def _check_server(ctx: click.Context, parameter: click.Parameter, url: str) -> str:  # noqa: ARG001
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if not fine or any(character.isspace() for character in url):
        raise InvalidOption("--server", url, "an address like http://127.0.0.1:3001")
    return url
