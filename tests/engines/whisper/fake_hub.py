"""A Hugging Face hub on this machine that holds one model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(model: Path, repository: str) -> Iterator[str]:
    """Serve the files of a folder as a repository's main revision; gives the hub's address."""
    files = {path.name: path.read_bytes() for path in model.iterdir()}

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == f"/api/models/{repository}/revision/main":
                self._answer(json.dumps({"id": repository, "sha": COMMIT}).encode(), "application/json")
            elif path == f"/api/models/{repository}/tree/{COMMIT}":
                listing = [_entry(name, data) for name, data in files.items()]
                self._answer(json.dumps(listing).encode(), "application/json")
            else:
                self._answer_file(path.removeprefix(f"/{repository}/resolve/{COMMIT}/"))

        do_HEAD = do_GET

        def _answer_file(self, name: str) -> None:
            if name not in files:
                self.send_error(404)
                return
            digest = hashlib.sha256(files[name]).hexdigest()
            self._answer(files[name], "application/octet-stream", digest)

        def _answer(self, body: bytes, kind: str, etag: str = "") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if etag:
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{etag}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, name="fake hub")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _entry(name: str, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    lfs = {"oid": digest, "size": len(data), "pointerSize": 100}
    return {"type": "file", "path": name, "size": len(data), "oid": digest[:40], "lfs": lfs}
