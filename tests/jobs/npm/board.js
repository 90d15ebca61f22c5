// bull-board over our queue: `node board.js PORT PREFIX` prints the port it serves on.
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Queue } from "bullmq";
import express from "express";

const [port, prefix] = process.argv.slice(2);
const queue = new Queue("audio-tools", { connection: { host: "127.0.0.1", port: Number(port) }, prefix });
const serverAdapter = new ExpressAdapter();
createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter });
const server = express()
  .use(serverAdapter.getRouter())
  .listen(0, "127.0.0.1", () => console.log(server.address().port));
