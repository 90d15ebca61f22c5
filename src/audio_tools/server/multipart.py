"""Stream `multipart/form-data` with one media file to the disk (RFC 7578)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers
from starlette.requests import Request

from audio_tools.errors import MalformedUpload, UnsupportedMediaType, UploadTooLarge
from audio_tools.server.request_body import Body, content_length, require_plain_body
from audio_tools.storage import UploadedFile, UploadRecord, Uploads

FILE_FIELD = "audioFile"
OPTIONS_FIELD = "options"
FIELD_BYTES = 65_536
"""Maximum size of a text field, bytes."""
OVERHEAD_BYTES = 1 << 20
"""Maximum size of the body without the file: boundaries, headers, texts and ignored fields."""
MAX_PARTS = 64
IDLE_S = 30.0
"""Seconds without data after which an upload is aborted."""
FORM_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers escape in a file name (HTML, multipart/form-data encoding algorithm)."""


Texts = tuple[tuple[str, str], ...]
"""The names and the texts of the fields of a form, in its order."""


class Layout(NamedTuple):
    """
    The fields of a form: the name of its file, and those of its texts; None: all, also more than once.

    `or_json`: whether the route takes a path or an upload as JSON instead.
    """

    file: str
    texts: frozenset[str] | None
    or_json: bool = False


PROCESS_AUDIO = Layout(FILE_FIELD, frozenset({OPTIONS_FIELD}), or_json=True)


class Form(NamedTuple):
    """A received form: the media, and the text of `options` if present."""

    file: UploadedFile
    options: str | None


class Sink(Protocol):
    """Takes the file of a form; see `storage.Upload`."""

    @property
    def size(self) -> int: ...

    def begin(self, record: UploadRecord, /) -> None: ...

    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> None: ...


class Discarded:
    """A file that is read only for its size, in bytes."""

    def __init__(self) -> None:
        self.size = 0

    def begin(self, record: UploadRecord) -> None:
        """The name is not needed."""

    def write(self, data: bytes | memoryview) -> None:
        """Count the bytes."""
        self.size += len(data)

    def finish(self) -> None:
        """Nothing is kept."""


async def receive_upload(request: Request, uploads: Uploads, *, idle_s: float = IDLE_S) -> Form:
    """
    Receive a form with the file `audioFile` and, before or after it, the optional text `options`.

    Raises:
        The errors of `receive_form`.
    """
    file, texts = await receive_form(request, uploads, PROCESS_AUDIO, idle_s=idle_s)
    return Form(file, texts[0][1] if texts else None)


async def receive_form(
    request: Request, uploads: Uploads, layout: Layout, *, idle_s: float = IDLE_S
) -> tuple[UploadedFile, Texts]:
    """
    Receive a form with one file and text fields in any order; returns the upload, and names with texts.

    On any error the upload is removed.

    Raises:
        UnsupportedMediaType: the body is not a form.
        MalformedUpload: the form is malformed, or does not have exactly one file of at least one byte.
        UploadTooLarge: the file or the rest is too large; raised before reading if Content-Length shows it.
        UploadTimeout: no data for `idle_s` seconds.
        DiskFull: not enough disk space for the announced or received bytes.
        ClientGone: the client disconnected.
    """
    require_plain_body(request.headers)
    boundary = _boundary(request.headers, layout)
    announced = content_length(request.headers) or 0
    if announced > uploads.max_bytes + OVERHEAD_BYTES:
        raise UploadTooLarge(uploads.max_bytes)
    async with uploads.writer() as writer:
        await uploads.reserve(writer, announced)
        form = FormReader(boundary, writer, layout)
        await Body(request.receive, idle_s, request.scope).pour(form.feed, uploads)
        texts = await uploads.run(form.finish)
        return await uploads.open(writer.id), texts


async def read_form_again(
    request: Request, uploads: Uploads, layout: Layout, *, idle_s: float = IDLE_S
) -> tuple[int, Texts]:
    """As `receive_form`, for a file that is known: returns its size in bytes instead, and stores nothing."""
    file = Discarded()
    form = FormReader(_boundary(request.headers, layout), file, layout)
    await Body(request.receive, idle_s, request.scope).pour(form.feed, uploads)
    texts = await uploads.run(form.finish)
    return file.size, texts


def _boundary(headers: Headers, layout: Layout) -> bytes:
    kind, parameters = parse_options_header(headers.get("content-type"))
    if kind != b"multipart/form-data":
        named = f"is {kind.decode('latin-1')[:80]}" if kind else "is missing"
        wanted = "multipart/form-data or application/json" if layout.or_json else "multipart/form-data"
        instead = ", or send a path or an uploadId as JSON" if layout.or_json else ""
        raise UnsupportedMediaType(
            f"The Content-Type must be {wanted}, but {named}.",
            hint=f"Send the file in the form field {layout.file}{instead}.",
        )
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise MalformedUpload(
            "The Content-Type has no boundary.",
            hint="Let the HTTP library set the Content-Type of the form: it adds the boundary.",
        )
    return boundary


class FormReader:
    """
    Parses the body of a form block by block and writes its file.

    Its methods block on the disk and raise the errors of `receive_upload`; the parser calls the private ones.
    """

    def __init__(self, boundary: bytes, writer: Sink, layout: Layout = PROCESS_AUDIO) -> None:
        self._writer = writer
        self._layout = layout
        self._texts: list[tuple[str, bytearray]] = []
        self._take: Callable[[memoryview], None] = _ignore
        self._has_file = False
        self._complete = False
        self._n_bytes = 0
        self._n_parts = 0
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._choose,
                    "on_part_data": self._add_data,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise MalformedUpload(f"{error}.") from None

    def feed(self, block: bytes) -> None:
        """Parse the next bytes of the body."""
        self._n_bytes += len(block)
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise MalformedUpload(f"Malformed form: {error}.", hint="Check its boundary.") from None
        if self._n_bytes - self._writer.size > OVERHEAD_BYTES:
            raise UploadTooLarge(OVERHEAD_BYTES, "The form without its file")

    def finish(self) -> Texts:
        """Validate the complete form, and finish the file. Returns the names and texts of its fields."""
        if not self._complete:
            raise MalformedUpload(
                "The body ends before the end of the form.", hint="Check boundary and Content-Length."
            )
        if not self._has_file:
            raise MalformedUpload(f"The form has no file in the field {self._layout.file}.")
        if self._writer.size == 0:
            raise MalformedUpload("The file is empty.", hint="Choose a file that is not empty.")
        texts = tuple((name, _decoded(name, text)) for name, text in self._texts)
        self._writer.finish()
        return texts

    def _begin_part(self) -> None:
        self._n_parts += 1
        if self._n_parts > MAX_PARTS:
            raise MalformedUpload(f"The form has more than {MAX_PARTS} parts.")
        self._disposition = b""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _choose(self) -> None:
        """Select the handler of the part that begins."""
        _, parameters = parse_options_header(self._disposition)
        name = parameters.get(b"name", b"").decode("utf-8", "replace")
        file_name = parameters.get(b"filename")
        self._take = _ignore
        if name == self._layout.file or file_name is not None:
            self._begin_file(name, file_name)
        elif self._layout.texts is None or name in self._layout.texts:
            self._begin_text(name)

    def _begin_file(self, field: str, file_name: bytes | None) -> None:
        wanted = self._layout.file
        if field != wanted:
            raise MalformedUpload(f"The file must be in the field {wanted}, not {field[:80]!r}.")
        if file_name is None:
            raise MalformedUpload(
                f"The field {wanted} contains text, not a file.",
                hint=f"With curl: -F {wanted}=@recording.mp4 (mind the @).",
            )
        if self._has_file:
            raise MalformedUpload("The form has more than one file.", hint="Send one form per file.")
        self._has_file = True
        self._writer.begin(UploadRecord(_decoded_name(file_name)))
        self._take = self._writer.write

    def _begin_text(self, name: str) -> None:
        if self._layout.texts is not None and any(name == known for known, _ in self._texts):
            raise MalformedUpload(f"The form has the field {name} twice.")
        self._texts.append((name, bytearray()))
        self._take = self._add_text

    def _add_text(self, data: memoryview) -> None:
        name, text = self._texts[-1]
        text += data
        if len(text) > FIELD_BYTES:
            raise UploadTooLarge(FIELD_BYTES, f"The field {name[:80]}")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._take(memoryview(data)[start:end])

    def _end(self) -> None:
        self._complete = True


def _ignore(_data: memoryview) -> None:
    """Drop the bytes of an unknown field, bounded by OVERHEAD_BYTES."""


def _decoded(name: str, text: bytearray) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise MalformedUpload(f"The field {name[:80]} is not UTF-8.") from None


def _decoded_name(name: bytes) -> str:
    """A file name as browsers send it in a form: quotes and line breaks, and nothing else, are escaped."""
    text = name.decode("utf-8", "replace")
    for escaped, character in FORM_ESCAPES.items():
        text = text.replace(escaped, character)
    return text
