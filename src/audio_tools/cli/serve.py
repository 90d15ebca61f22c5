"""`audio-tools serve`: run the service until it is stopped."""

from __future__ import annotations

from pathlib import Path

import click

from audio_tools.cli._service import (
    announce,
    load_settings,
    redis_wait_s,
    require_redis,
    run_process,
    wait_option,
)


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="N", help="HTTP port; 0 selects any free port.  [default: 3001]")
@click.option(
    "--ws-port", type=int, metavar="N", help="WebSocket port; 0 selects any free port.  [default: 3002]"
)
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Data directory.")
@click.option("--workers", type=int, metavar="N", help="Maximum number of concurrent jobs  [default: 2]")
@click.option("--no-workers", is_flag=True, help="Leave the jobs to `audio-tools work`. Requires Redis.")
@wait_option
def command(*, no_workers: bool, wait: bool, **flags: int | str | Path | None) -> None:
    """Run the HTTP and WebSocket API, with workers in the same process."""
    from audio_tools.server_process import ServerProcess

    settings = load_settings(**flags)
    if no_workers:
        require_redis(settings, "--no-workers")

    def started(http_port: int, websocket_port: int) -> None:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        announce(f"HTTP API:  http://{name}:{http_port}  (documentation: /docs, health: /health)")
        announce(f"WebSocket: ws://{name}:{websocket_port}")

    run_process(
        settings, ServerProcess(settings, workers=not no_workers, wait_s=redis_wait_s(wait)).run(started)
    )
