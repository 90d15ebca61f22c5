"""Free ports, for servers that must be known by their ports before they listen or after a restart."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """That many different ports."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [int(each.getsockname()[1]) for each in sockets]
