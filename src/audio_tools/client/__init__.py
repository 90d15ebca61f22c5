"""The Python clients of the service; see docs/python-client.md."""

from audio_tools.client.asynchronous import PAUSES_S, AsyncClient
from audio_tools.client.blocking import Client
from audio_tools.client.values import ExportedFile, JobPage, ServerRefused

__all__ = ["PAUSES_S", "AsyncClient", "Client", "ExportedFile", "JobPage", "ServerRefused"]
