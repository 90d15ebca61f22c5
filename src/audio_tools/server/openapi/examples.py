"""Examples of common responses; a test checks them against their schemas."""

from __future__ import annotations

from audio_tools.json_value import Json

JOB_ID = "dca71cf5-6322-4d84-8cc3-41b4dcc35d79"
DATA: Json = {"fileName": "interview.mp4", "fileSize": 73_400_320, "options": {"language": "en"}}
WORD: Json = {"word": "Hello", "start": 1.47, "end": 1.96, "confidence": 0.98, "timing": "aligned"}
TRANSCRIPT: Json = {
    "words": [WORD],
    "segments": [{"id": 0, "start": 1.47, "end": 1.96, "text": "Hello"}],
    "silenceSegments": [{"start": 9.82, "end": 12.19, "duration": 2.37, "type": "silence"}],
    "totalDuration": 56.1,
    "totalChunks": 3,
    "successRate": 100.0,
    "text": "Hello",
    "language": "en",
    "engine": "openai",
    "model": "whisper-1",
    "media": {
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "duration": 56.1,
        "audioStreams": [
            {
                "position": 0,
                "index": 1,
                "codec": "aac",
                "sampleRate": 48_000,
                "channels": 2,
                "start": 0.928,
                "default": True,
            }
        ],
        "frameRate": "30000/1001",
        "variableFrameRate": False,
        "width": 1920,
        "height": 1080,
        "audioStream": 0,
        "audioStartOffset": 0.928,
    },
    "aligner": "pocketsphinx",
    "fillers": [{"firstWord": None, "lastWord": None, "start": 2.3, "end": 2.71, "text": "uh", "score": 1.0}],
    "fillerDetection": "samples",
    "silenceDetection": "auto",
    "failedChunks": [],
    "pauses": [],
    "gaps": [],
    "warnings": [],
    "usage": {"seconds": 56.0, "calls": 3, "storedChunks": 0, "estimatedCostUsd": 0.0056},
    "dryRun": False,
}
EXAMPLES: Json = {
    "Started": {
        "success": True,
        "jobId": JOB_ID,
        "message": "Audio processing job started",
        "websocketUrl": f"ws://127.0.0.1:3002/?jobId={JOB_ID}",
    },
    "Result": {"success": True, "result": TRANSCRIPT},
    "Done": {"success": True, "message": "Job cancelled successfully"},
    "JobList": {
        "jobs": [
            {
                "id": 1,
                "jobId": JOB_ID,
                "state": "active",
                "progress": 45.0,
                "data": DATA,
                "message": "Transcribed 1 of 2 chunks",
                "etaSeconds": 12.3,
                "error": None,
                "hint": None,
                "restartable": False,
                "result": None,
                "createdAt": "2026-11-30T09:00:00.000+00:00",
                "startedAt": "2026-11-30T09:00:01.000+00:00",
                "finishedAt": None,
            }
        ],
        "total": 1,
    },
}
"""By the name of the schema."""
