/** What the package offers on every platform, beside `connect`. */
/// <reference lib="esnext.disposable" preserve="true" />
export { Body, type Content } from "./body.js";
export { Carried, Gap, Message, Reply } from "./carried.js";
export { Client, type PublishOptions, type Target } from "./client.js";
export type { Connect, ConnectOptions } from "./connect.js";
export { BuslaneError, type ErrorDetails, type Problem, type Retry } from "./error.js";
export { ERROR_CODES, type ErrorCode } from "./error-codes.js";
export type { Instance, PresenceEvent } from "./presence.js";
export { Gather, ReplyStream, type Gathered, type RequestOptions, type Summary } from "./request.js";
export {
  Registration,
  ServiceBuilder,
  type CompatibilityReport,
  type Context,
  type Declaration,
  type Handler,
  type Method,
  type RegisterOptions,
  type Schema,
  type TopicContract,
} from "./service.js";
export type { Report, State } from "./state.js";
export { Subscription, type Overflow, type SubscribeOptions } from "./subscription.js";
