"""What `audio-tools serve` and `audio-tools work` share: settings from flags, logs, the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import click

from audio_tools.errors import ConfigError
from audio_tools.settings import Settings
from audio_tools.system.processes import fastest_loop

WAIT_S = 10.0
"""How long a start waits for Redis, in seconds."""


def wait_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--wait`."""
    text = f"Wait for Redis indefinitely (default: {WAIT_S:g} s)."
    return click.option("--wait", is_flag=True, help=text)(command)


def redis_wait_s(wait: bool) -> float | None:
    """Return how long the start waits for Redis, in seconds; None: indefinitely."""
    return None if wait else WAIT_S


def load_settings(**flags: Any) -> Settings:
    """`Settings.load`; an error that a flag of the command made names the flag, not its variable."""
    try:
        return Settings.load(**flags)
    except ConfigError as error:
        for parameter in click.get_current_context().command.params:
            variable = str(parameter.name).upper()
            # A flag that was given has won over the variable, so the value is the flag's.
            if flags.get(str(parameter.name)) is not None and error.message.startswith(f"{variable} is "):
                flag = parameter.opts[0]
                problem = f"Option {flag}{error.message.removeprefix(variable)}"
                hint = f"Correct {flag}, or omit it to use {variable} or its default."
                raise ConfigError(problem, hint=hint) from None
        raise


def require_redis(settings: Settings, what: str) -> None:
    """Raise ConfigError if Redis is not configured: jobs in DATA_DIR belong to one process."""
    if not settings.uses_redis:
        raise ConfigError(
            f"{what} requires Redis, but REDIS_URL and REDIS_HOST are not set.",
            hint="Set one of them (docs/scaling.md), or run `audio-tools serve` alone: it has workers too.",
        )


def announce(line: str) -> None:
    """Print a start-up line; the process also runs if standard output cannot be written."""
    with suppress(OSError, click.ClickException):
        click.echo(line)


def run_process(settings: Settings, process: Coroutine[Any, Any, None]) -> None:
    """Run a process of the service until it ends, with its logs on stderr."""
    from audio_tools.logs import configure_logs

    in_production = settings.node_env == "production"
    configure_logs(settings.log_level, "json" if in_production else "console", settings.secrets())
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(process)
