"""The command `audio-tools`. Each subcommand is imported when it runs, so that `--help` is fast."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from audio_tools import __version__
from audio_tools.cli._messages import say, show_error
from audio_tools.cli._stdout import stdout_errors_reported
from audio_tools.errors import AudioToolsError

COMMANDS = {
    "transcribe": "Transcribe recordings: words, silences and subtitles.",
    "serve": "Run the service: HTTP, WebSocket, queue and workers.",
    "work": "Run workers without HTTP. Requires Redis.",
    "submit": "Transcribe files on a service.",
    "cut": "Create a cut sequence for an editing program.",
    "export": "Write the transcript of a job.",
    "jobs": "List the jobs on the service.",
    "cancel": "Cancel a job.",
    "restart": "Restart a failed job.",
    "mcp": "Run a Model Context Protocol server for an assistant.",
    "doctor": "Check FFmpeg, engines, model, key, network and folders.",
}
INTERRUPTED = 130


class _LazyGroup(click.Group):
    """A group that lists commands without importing them; the module `cli.NAME` has the command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"audio_tools.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="audio-tools")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def app(debug: bool) -> None:
    """Transcribe recordings of any size into words, segments and silences for a video editor."""


def main() -> None:
    """Run the command line; an error is printed as a sentence and a hint, and sets the exit code."""
    try:
        with stdout_errors_reported():
            code = app.main(prog_name="audio-tools", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except AudioToolsError as error:
        show_error(error)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = INTERRUPTED
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"Error: Unexpected {type(error).__name__}: {error}", err=True)
        say("Hint: This is a bug in audio-tools. Run `audio-tools --debug …` for a traceback.", err=True)
        code = 1
    sys.exit(code or 0)
