"""URLs for clients."""

from __future__ import annotations

from fastapi import Request


def websocket_url(request: Request, ws_port: int, job_id: str) -> str:
    """
    Return the URL of the job's events for this client: the host that it used, and the WebSocket port.

    A client that connected through a proxy, under another name and port, gets the proxy's address.
    """
    host, own_port = request.url.hostname or "127.0.0.1", request.scope["server"][1]
    state = request.scope.get("state", {})
    prefix = state.get("prefix", "")
    if request.url.port not in {own_port, None} or prefix or state.get("proxied"):
        secure = request.url.scheme == "https"
        return f"{'wss' if secure else 'ws'}://{request.url.netloc}{prefix}/?jobId={job_id}"
    name = f"[{host}]" if ":" in host else host
    return f"ws://{name}:{ws_port}/?jobId={job_id}"
