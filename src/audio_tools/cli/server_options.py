"""Which service a client command talks to."""

from __future__ import annotations

from collections.abc import Callable

import click


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
        help="Where the service is; also from AUDIO_TOOLS_SERVER.",
    )(command)
