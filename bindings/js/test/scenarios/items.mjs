// What comes of requests, subscriptions and calls, as the objects that expectations are compared with, and what is sent.
import { Body, Gap } from "buslane";

export function ofReply(kind, reply) {
  return { expect: kind, from: reply.from, ...carried(reply) };
}

export function ofError(error) {
  return { expect: "error", error: error.problem ?? { thrown: String(error) } };
}

export function ofGathered({ from, reply, error }) {
  return { ...(reply === undefined ? ofError(error) : ofReply("reply", reply)), from };
}

export function ofEvent(event) {
  if (event instanceof Gap) {
    return { expect: "gap", count: event.count, unknown: event.unknown };
  }
  const { topic, from, id, retained, snapshot, shared } = event;
  return { expect: "delivery", topic, from, id, retained, snapshot, ...(shared === undefined ? {} : { shared }), ...carried(event) };
}

export function ofCall(context) {
  const { from, attempt, expiresInMs } = context;
  return { expect: "invoked", from, attempt, expires_in_ms: expiresInMs ?? null, ...carried(context) };
}

export function ofState(state) {
  switch (state.kind) {
    case "connected":
    case "draining":
      return { expect: "state", state: "connected", error: null };
    case "ended":
      return { expect: "state", state: "ended", error: state.error.problem };
    default:
      return { expect: "state", state: "disconnected", error: state.error?.problem ?? null };
  }
}

/** The body that a step says. */
export function bodyOf(step) {
  const content = { headers: step.headers ?? {} };
  for (const [member, value] of Object.entries(step.content ?? {})) {
    content[member.replace(/_(.)/g, (_all, letter) => letter.toUpperCase())] = value;
  }
  if (step.content_type !== undefined) {
    content.contentType = step.content_type;
  }
  if ("payload" in step) {
    return new Body(step.payload, content);
  }
  if ("payload_text" in step) {
    return Body.json(step.payload_text, content);
  }
  if ("payload_base64" in step) {
    return new Body(fromBase64(step.payload_base64), content);
  }
  return new Body("payload_bytes" in step ? "x".repeat(step.payload_bytes) : undefined, content);
}

/** A body with what a request carried. */
export function echoOf(context) {
  const { text, bytes, contentType } = context;
  if (text !== undefined) {
    return Body.json(text);
  }
  return new Body(bytes, bytes === undefined ? {} : { contentType });
}

function carried(item) {
  const { headers, ...content } = item.content;
  const named = Object.entries(content).map(([member, value]) => [member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]);
  const found = {
    headers,
    content: Object.fromEntries(named),
    content_type: item.contentType ?? "application/json",
  };
  if (item.text !== undefined) {
    found.payload = item.payload;
    found.payload_text = item.text;
  } else if (item.bytes !== undefined) {
    found.payload_base64 = toBase64(item.bytes);
  }
  return found;
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
