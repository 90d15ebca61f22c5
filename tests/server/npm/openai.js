// Calls the service with OpenAI's official SDK and with the AI SDK, and prints what they return as JSON:
//   node openai.js BASE_URL FILE BAD_FILE
import { createReadStream, readFileSync } from "node:fs";
import OpenAI from "openai";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_transcribe as transcribe } from "ai";

const [baseURL, path, badPath] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 0 });
const call = (fields) =>
  client.audio.transcriptions.create({ file: createReadStream(path), model: "whisper-1", ...fields });

const outcome = {};
for (const format of ["json", "text", "srt", "vtt", "verbose_json"]) {
  outcome[format] = await call({ response_format: format });
}
outcome.words = await call({
  response_format: "verbose_json",
  timestamp_granularities: ["word", "segment"],
});
outcome.diarized_json = await call({
  model: "gpt-4o-transcribe-diarize",
  response_format: "diarized_json",
  chunking_strategy: { type: "server_vad" },
});
outcome.events = [];
for await (const event of await call({ stream: true })) outcome.events.push(event);

outcome.models = [];
for await (const model of client.models.list()) outcome.models.push(model.id);

const errorOf = async (promise) => {
  try {
    await promise;
  } catch (error) {
    const { status, code, param, type } = error;
    return { name: error.constructor.name, status, code, param, type };
  }
};
outcome.errors = {
  model: await errorOf(client.models.retrieve("nope")),
  media: await errorOf(call({ file: createReadStream(badPath) })),
  field: await errorOf(call({ temperature: 1.7 })),
};

const aborted = new AbortController();
const stopped = errorOf(
  client.audio.transcriptions.create(
    { file: createReadStream(path), model: "whisper-1", prompt: "aborted", stream: true },
    { signal: aborted.signal },
  ),
);
setTimeout(() => aborted.abort(), 200);
outcome.aborted = await stopped;

const { text, segments, language, durationInSeconds } = await transcribe({
  model: createOpenAI({ baseURL, apiKey: "any" }).transcription("whisper-1"),
  audio: readFileSync(path),
  providerOptions: { openai: { timestampGranularities: ["word"] } },
});
outcome.aiSdk = { text, segments: segments.length, language, durationInSeconds };

process.stdout.write(JSON.stringify(outcome));
