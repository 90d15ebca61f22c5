// A BullMQ producer as any Node program has it: `node producer.js PORT PREFIX DATA [OPTIONS]` adds one job and
// prints, a line of JSON each, its id, what QueueEvents tells of it, and how it looks at its end.
import { Queue, QueueEvents } from "bullmq";

const [port, prefix, data, options] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port) };
const say = (line) => console.log(JSON.stringify(line));

const queue = new Queue("audio-tools", { connection, prefix });
const events = new QueueEvents("audio-tools", { connection, prefix });
await events.waitUntilReady();
events.on("progress", ({ data }) => say({ progress: data }));
events.on("completed", ({ returnvalue }) => say({ completed: returnvalue }));
events.on("failed", ({ failedReason }) => say({ failed: failedReason }));

const added = await queue.add("from node", JSON.parse(data), JSON.parse(options ?? "{}"));
say({ added: added.id });
try {
  say({ finished: await added.waitUntilFinished(events) });
} catch (error) {
  say({ finished: error.message });
}
const job = await queue.getJob(added.id);
say({ state: await job.getState(), progress: job.progress, returnvalue: job.returnvalue ?? null });
await events.close();
await queue.close();
