/// @file
/// The codes of errors, the same in every language. Written by generate.py from schemas/errors.json.
#pragma once

namespace buslane {

/// What went wrong. Codes are never removed and never change their number; later versions may add some.
enum class ErrorCode {
  service = 0,  ///< A service's own error: its word says more.
  invalid_frame = 1,  ///< `never`: the bytes are no frame of this protocol.
  invalid_json = 2,  ///< `never`: the text is not one JSON value.
  invalid_message = 3,  ///< `never`: a member of the message is missing or of the wrong type.
  unknown_type = 4,  ///< `never`: there is no message of this type.
  unsupported_version = 5,  ///< `never`: no protocol version is known to both sides.
  frame_too_large = 6,  ///< `never`: the frame is longer than the limit.
  payload_too_large = 7,  ///< `never`: the payload is longer than the limit.
  headers_too_large = 8,  ///< `never`: there are more headers than the limit, or longer ones.
  invalid_name = 9,  ///< `never`: a name breaks the rules of names.
  invalid_address = 10,  ///< `never`: the address breaks the rules of addresses.
  invalid_topic = 11,  ///< `never`: the topic breaks the rules of topics.
  invalid_filter = 12,  ///< `never`: the filter breaks the rules of filters.
  invalid_id = 13,  ///< `never`: the id breaks the rules of ids.
  invalid_payload = 14,  ///< `never`: the payload is not what its content type says.
  invalid_schema = 15,  ///< `never`: a schema of the registration cannot be used.
  schema_violation = 16,  ///< `never`: the payload does not match the schema.
  handshake_timeout = 17,  ///< `later`: no complete first frame came in time.
  heartbeat_timeout = 18,  ///< `later`: the other side was silent for too long.
  unauthenticated = 19,  ///< `never`: the client did not prove who it is.
  forbidden = 20,  ///< `never`: the client may not do this.
  reserved_topic = 21,  ///< `never`: topics under $ belong to the broker.
  duplicate_id = 22,  ///< `never`: a request with this id is in flight already.
  already_registered = 23,  ///< `never`: this client has registered this instance already.
  not_registered = 24,  ///< `never`: this client has no such registration.
  instance_in_use = 25,  ///< `later`: another living client holds this instance.
  taken_over = 26,  ///< `never`: a new connection took this instance over.
  topic_conflict = 27,  ///< `never`: another service declared a different contract for the topic.
  not_subscribed = 28,  ///< `never`: this client has no such subscription.
  unknown_delivery = 29,  ///< `never`: no delivery of this number awaits an answer from this connection.
  unexpected_stream = 30,  ///< `never`: a chunk came for a request that did not ask for a stream.
  no_instance = 31,  ///< `later`: no instance offers the method.
  unknown_node = 32,  ///< `later`: no broker of this name is linked.
  deadline_exceeded = 33,  ///< `if_harmless_twice`: no answer came by the deadline.
  cancelled = 34,  ///< `if_harmless_twice`: the caller cancelled the request.
  outcome_unknown = 35,  ///< `if_harmless_twice`: the instance or the connection was lost after the request was sent.
  not_sent = 36,  ///< `later`: the connection was lost before the message was sent.
  unreachable = 37,  ///< `later`: no broker answers at the address.
  overloaded = 38,  ///< `later`: the callee's outbox is full.
  overflow = 39,  ///< `later`: the receiver reads too slowly and its queue is full.
  receiver_full = 40,  ///< `later`: a receiver's queue is full and the topic's contract says refuse.
  draining = 41,  ///< `later`: the broker or the instance is shutting down and takes nothing new.
  closed = 42,  ///< `never`: the client was closed by its own program.
  too_many_requests = 43,  ///< `later`: the client has too many requests in flight.
  too_many_subscriptions = 44,  ///< `never`: the client has too many subscriptions.
  too_many_registrations = 45,  ///< `never`: the client has too many registrations.
  match_limit = 46,  ///< `never`: the publish would examine too many filters.
  memory_full = 47,  ///< `later`: the broker's memory cap is reached.
  registration_too_large = 48,  ///< `never`: the registration or a part of it is larger than the limit.
  queue_full = 49,  ///< `later`: the client's own offline queue is full.
  service_error = 50,  ///< `if_harmless_twice`: the service failed without saying why.
  internal = 51,  ///< `if_harmless_twice`: a defect in the broker or the client.
  not_supported = 52,  ///< `never`: this version does not offer that.
  too_many_connections = 53,  ///< `later`: the broker has no room for another connection.
  forbidden_origin = 54,  ///< `never`: the Origin or Host header is not allowed here.
  not_found = 55,  ///< `never`: there is nothing at this path.
  method_not_allowed = 56,  ///< `never`: the path does not answer this HTTP method.
  incompatible_schema = 57,  ///< `never`: the new version breaks those who use the service.
  not_acceptable = 58,  ///< `never`: the answer has no form that Accept allows.
  unsupported_media_type = 59,  ///< `never`: a body of this media type is not taken here.
};

}  // namespace buslane
