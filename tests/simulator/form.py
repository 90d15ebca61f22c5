"""A multipart form: its fields and its file, from the bytes of a whole body."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser

from tests.simulator import errors


@dataclass(frozen=True, slots=True)
class Form:
    """Fields by name, each with all its values in order; the part called `file` apart from them."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    file_name: str | None = None
    file: bytes = b""

    def get(self, name: str) -> str | None:
        """The last value of a field, None without one."""
        values = self.fields.get(name)
        return values[-1] if values else None


def parse_form(content_type: str, body: bytes) -> Form:
    """
    Take a body apart.

    Raises:
        ApiError: it is no multipart form, or it breaks off.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise errors.malformed_form()
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not parts or not parts[-1].startswith(b"--"):
        raise errors.malformed_form()
    fields: dict[str, list[str]] = defaultdict(list)
    file_name, file = None, b""
    for part in parts[:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = BytesHeaderParser().parsebytes(head)
        name = str(headers.get_param("name", header="content-disposition"))
        if name == "file":
            file_name, file = headers.get_filename(), content
        else:
            fields[name].append(content.decode(errors="replace"))
    return Form(dict(fields), file_name, file)
