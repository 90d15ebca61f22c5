"""
The JavaScript of the contract with existing frontends, to the letter, and the rest of a program around it.

Only the ports differ from the letter, because tests run on free ones; and the file is made here.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from tests.simulator import Script

FRONTEND_INTEGRATION = """\
// Check if file is large enough for backend processing
const shouldUseBackend = file.size > 50 * 1024 * 1024; // 50MB

if (shouldUseBackend) {
  // Use backend processing
  const formData = new FormData();
  formData.append('audioFile', file);
  formData.append('options', JSON.stringify(options));
  
  const response = await fetch('http://localhost:3001/process-audio', {
    method: 'POST',
    body: formData
  });
  
  const { jobId, websocketUrl } = await response.json();
  
  // Connect to WebSocket for progress updates
  const ws = new WebSocket(websocketUrl);
  // ... handle progress updates
} else {
  // Use frontend processing (existing implementation)
  // ... existing code
}
"""  # noqa: W293

WEBSOCKET_INTEGRATION = """\
const ws = new WebSocket('ws://localhost:3002?jobId=your-job-id');

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  
  if (data.type === 'progress') {
    console.log(`Progress: ${data.progress}% - ${data.message}`);
  }
};
"""  # noqa: W293

PROCESSING_OPTIONS = """\
const options = {
  chunkSize: 25 * 1024 * 1024,        // 25MB chunks
  maxConcurrent: 5,                    // 5 concurrent chunks
  rateLimitDelay: 2000,                // 2s between batches
  silenceThreshold: 2.0,               // 2s silence detection
  audioFormat: 'wav',                  // Output format
  sampleRate: 16000,                   // Sample rate
  channels: 1                          // Mono audio
};
"""

_PLACE_FOR_PROGRESS = "// ... handle progress updates"
_ADDRESS = "'ws://localhost:3002?jobId=your-job-id'"
# What the contract leaves to its reader: follow to the end, fetch the result.
_PROGRESS_HANDLED = """\
const types = [];
  ws.addEventListener('message', ({ data }) => types.push(JSON.parse(data).type));
  const ended = [new Promise((resolve) => ws.addEventListener('close', resolve))];
  {
%s
    ended.push(new Promise((resolve) => ws.addEventListener('close', resolve)));
  }
  const codes = (await Promise.all(ended)).map(({ code }) => code);
  const answer = await fetch(`http://localhost:3001/job/${jobId}/result`);
  const { result } = await answer.json();
  const words = result.words.map(({ word }) => word);
  globalThis.outcome = { jobId, websocketUrl, types, codes, lines, words };
"""
# A media file of more than 50 MB in a page of 1 MB: an MP4 may end with a box that holds nothing.
_FILE = """\
const media = Uint8Array.from(atob(%s), (character) => character.charCodeAt(0));
const nothing = new Uint8Array(51 * 1024 * 1024);
new DataView(nothing.buffer).setUint32(0, nothing.length);
nothing.set([102, 114, 101, 101], 4);  // "free"
const file = new File([media, nothing], 'talk.mp4', { type: 'video/mp4' });
"""
_LISTEN_TO_CONSOLE = """\
const lines = [];
console.log = (line) => lines.push(line);
"""


def frontend_program(media: Path, port: int, ws_port: int) -> str:
    """
    An ES module that sends `media` (an MP4), follows its job twice and leaves in `globalThis.outcome`:

    `{jobId, websocketUrl, types, codes, lines, words}`: `types` of the messages from `websocketUrl`, `lines`
    that the contract's second snippet printed, `codes` with which the two WebSockets were closed.
    """
    file = _FILE % json.dumps(base64.b64encode(media.read_bytes()).decode())
    follow = WEBSOCKET_INTEGRATION.replace(_ADDRESS, "`ws://localhost:3002?jobId=${jobId}`")
    send = FRONTEND_INTEGRATION.replace(_PLACE_FOR_PROGRESS, _PROGRESS_HANDLED % follow)
    program = _LISTEN_TO_CONSOLE + PROCESSING_OPTIONS + file + send
    return program.replace("localhost:3001", f"localhost:{port}").replace(
        "localhost:3002", f"localhost:{ws_port}"
    )


def assert_job_done(outcome: dict[str, Any], script: Script, ws_port: int) -> None:
    """The program saw the job through: progress that never goes back, a normal end, every word."""
    lines = outcome["lines"]
    matches = [re.fullmatch(r"Progress: ([0-9.]+)% - .+", line) for line in lines]
    percents = [float(match[1]) for match in matches if match]

    assert len(percents) == len(lines) > 0, lines
    assert percents == sorted(percents)
    assert percents[-1] <= 100
    assert outcome["websocketUrl"] == f"ws://localhost:{ws_port}/?jobId={outcome['jobId']}"
    assert (outcome["types"][0], outcome["types"][-1]) == ("snapshot", "completed")
    assert outcome["codes"] == [1000, 1000]
    assert outcome["words"] == [word.text for word in script.words]
