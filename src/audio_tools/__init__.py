"""Words, segments and silences of a recording of any size, ready for an editor's timeline."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio_tools.client import AsyncClient as AsyncClient
    from audio_tools.client import Client as Client

__all__ = ["AsyncClient", "Client", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Not imported with the package: every command would wait for the HTTP library.
    if name in {"AsyncClient", "Client"}:
        from audio_tools import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
