"""`audio-tools serve`: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="N", help="Port for HTTP, 0 for any  [default: 3001]")
@click.option("--ws-port", type=int, metavar="N", help="Port for WebSockets, 0 for any  [default: 3002]")
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where everything is kept.")
@click.option("--workers", type=int, metavar="N", help="Jobs at work at once  [default: 2]")
def command(
    host: str | None, port: int | None, ws_port: int | None, data_dir: Path | None, workers: int | None
) -> None:
    """Take files over HTTP, work on them, tell their progress over WebSockets."""
    from audio_tools.logs import configure_logs
    from audio_tools.server.malloc import raise_malloc_limits
    from audio_tools.service import Service
    from audio_tools.settings import Settings

    settings = Settings.load(host=host, port=port, ws_port=ws_port, data_dir=data_dir, workers=workers)
    secrets = [
        secret.get_secret_value() for secret in (settings.api_token, settings.openai_api_key) if secret
    ]
    configure_logs(settings.log_level, "json" if settings.node_env == "production" else "console", secrets)
    raise_malloc_limits()

    def started(http_port: int, websocket_port: int) -> None:
        name = f"[{settings.host}]" if ":" in settings.host else settings.host
        click.echo(f"HTTP API:  http://{name}:{http_port}  (documentation: /docs, health: /health)")
        click.echo(f"WebSocket: ws://{name}:{websocket_port}")

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(Service(settings).run(started))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
