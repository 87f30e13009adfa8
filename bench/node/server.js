// What people would write in Node: Express, Mongoose models, a JWT in a cookie, checked bodies, and
// an event after each write. It promises less than our services: no outbox, no index that keeps two
// orders from holding one ticket, no versions checked, no log.

import cookieSession from "cookie-session";
import express from "express";
import { body, validationResult } from "express-validator";
import jwt from "jsonwebtoken";
import mongoose from "mongoose";
import { connect } from "nats";

const { PORT, MONGO_URI, NATS_URL, KEY } = process.env;
const WINDOW_MS = 15 * 60 * 1000;
const HOLDING = ["created", "awaiting:payment", "complete"];

const shown = { transform: (_, { _id, ...fields }) => ({ id: _id, ...fields }) };

const Ticket = mongoose.model("Ticket", new mongoose.Schema(
  { _id: String, title: String, priceCents: Number, userId: String, orderId: String, version: Number },
  { collection: "tickets", versionKey: false, toJSON: shown },
));

const Order = mongoose.model("Order", new mongoose.Schema(
  {
    userId: { type: String, required: true },
    status: { type: String, required: true, enum: [...HOLDING, "cancelled"], default: "created" },
    expiresAt: { type: Date },
    ticket: { type: String, ref: "Ticket", index: true },
  },
  { collection: "node_orders", versionKey: "version", toJSON: shown },
));

await mongoose.connect(MONGO_URI, { w: "majority", journal: true });
await Order.init();
const nats = await connect({ servers: NATS_URL });
const manager = await nats.jetstreamManager();
await manager.streams.add({ name: "node", subjects: ["node.>"] });
const bus = nats.jetstream();

const app = express();
app.use(express.json());
app.use(cookieSession({ signed: false }));
app.use((request, _, next) => {
  try {
    request.user = jwt.verify(request.session.jwt, KEY);
  } catch {
    request.user = null;
  }
  next();
});

app.get("/nothing", (_, response) => response.json({}));

app.post("/session", (request, response) => {
  request.session.jwt = jwt.sign({ id: "0".repeat(24), email: "somebody@ticketing.test" }, KEY);
  response.json({});
});

app.get("/tickets", async (_, response) => {
  response.json(await Ticket.find({ orderId: null }).sort({ _id: -1 }).limit(50));
});

app.get("/tickets/:id", async (request, response) => {
  const ticket = await Ticket.findById(request.params.id);
  response.status(ticket ? 200 : 404).json(ticket ?? {});
});

app.post("/orders", body("ticketId").isString().notEmpty(), async (request, response) => {
  if (!request.user) return response.status(401).json({});
  if (!validationResult(request).isEmpty()) return response.status(400).json({});
  const ticket = await Ticket.findById(request.body.ticketId);
  if (!ticket) return response.status(404).json({});
  if (await Order.exists({ ticket: ticket.id, status: { $in: HOLDING } })) return response.status(409).json({});
  const expiresAt = new Date(Date.now() + WINDOW_MS);
  const order = await Order.create({ userId: request.user.id, expiresAt, ticket: ticket.id });
  bus.publish("node.order.created", JSON.stringify(order)); // and nobody waits for it
  return response.status(201).json(order);
});

app.listen(Number(PORT), "127.0.0.1");
