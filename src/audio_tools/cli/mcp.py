"""`audio-tools mcp`: the service as tools of an assistant."""

from __future__ import annotations

from pathlib import Path

import click

from audio_tools.cli._server_options import server_options
from audio_tools.errors import ConfigError


@click.command("mcp")
@server_options
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Directory for exported files, created if missing (default: current directory).",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    metavar="USD",
    help="Cost limit of each job that the assistant starts.",
)
def command(server: str, token: str | None, folder: Path, max_cost: float | None) -> None:
    """
    Run a Model Context Protocol server for an assistant, on standard input and output.

    The assistant starts this command; add it to the assistant's configuration. The tools use the service at
    --server, which must be running; recordings must be under its MEDIA_ROOTS.
    """
    try:
        from audio_tools.mcp_server import make_server
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"The package {missing.name} is not installed.",
            hint="Install it (from a checkout: pip install '.[mcp]').",
        ) from None
    make_server(server, token, folder.absolute(), max_cost).run()
