package io.buslane;

import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What can go wrong. Made of the table {@code schemas/errors.json}; do not edit. */
public enum ErrorCode {
  /** The bytes are no frame of this protocol. The length, the layout or the preamble is broken, so the place of the next frame is unknown; the connection ends. */
  INVALID_FRAME(
      "invalid_frame",
      1,
      400,
      Retry.NEVER,
      "the bytes are no frame of this protocol"),

  /** The text is not one JSON value. The line, the WebSocket message or the frame of a rare type is not exactly one JSON value in UTF-8. */
  INVALID_JSON(
      "invalid_json",
      2,
      400,
      Retry.NEVER,
      "the text is not one JSON value"),

  /** A member of the message is missing or of the wrong type. A member is missing, doubled, of the wrong type or out of range; the detail names it. */
  INVALID_MESSAGE(
      "invalid_message",
      3,
      400,
      Retry.NEVER,
      "a member of the message is missing or of the wrong type"),

  /** There is no message of this type. The type is none that this side sends in this version; the connection goes on. */
  UNKNOWN_TYPE(
      "unknown_type",
      4,
      400,
      Retry.NEVER,
      "there is no message of this type"),

  /** No protocol version is known to both sides. The versions of the preamble or the WebSocket subprotocol have none in common with the broker; the connection ends. */
  UNSUPPORTED_VERSION(
      "unsupported_version",
      5,
      400,
      Retry.NEVER,
      "no protocol version is known to both sides"),

  /** The frame is longer than the limit. The frame or line is longer than the limit, which is lower before the client is connected; the connection ends. */
  FRAME_TOO_LARGE(
      "frame_too_large",
      6,
      413,
      Retry.NEVER,
      "the frame is longer than the limit"),

  /** The payload is longer than the limit. The payload is longer than the limit payload, which connected announces. */
  PAYLOAD_TOO_LARGE(
      "payload_too_large",
      7,
      413,
      Retry.NEVER,
      "the payload is longer than the limit"),

  /** There are more headers than the limit, or longer ones. There are more headers than the limit headers, or more bytes of them than headers_bytes. */
  HEADERS_TOO_LARGE(
      "headers_too_large",
      8,
      413,
      Retry.NEVER,
      "there are more headers than the limit, or longer ones"),

  /** A name breaks the rules of names. A name of a service, method, group or instance is empty, longer than 128 bytes or holds a forbidden character. */
  INVALID_NAME(
      "invalid_name",
      9,
      400,
      Retry.NEVER,
      "a name breaks the rules of names"),

  /** The address breaks the rules of addresses. The address has no method, holds a forbidden name or selects a version, which is reserved; in a URL write # as %23. */
  INVALID_ADDRESS(
      "invalid_address",
      10,
      400,
      Retry.NEVER,
      "the address breaks the rules of addresses"),

  /** The topic breaks the rules of topics. The topic is empty, too long or too deep, has an empty level, a control character or a wildcard. */
  INVALID_TOPIC(
      "invalid_topic",
      11,
      400,
      Retry.NEVER,
      "the topic breaks the rules of topics"),

  /** The filter breaks the rules of filters. The filter breaks the rules of topics, has a wildcard that is no whole level, or more wildcards than the limit. */
  INVALID_FILTER(
      "invalid_filter",
      12,
      400,
      Retry.NEVER,
      "the filter breaks the rules of filters"),

  /** The id breaks the rules of ids. The id is empty, longer than 64 characters or holds something else than visible ASCII without quote and backslash. */
  INVALID_ID(
      "invalid_id",
      13,
      400,
      Retry.NEVER,
      "the id breaks the rules of ids"),

  /** The payload is not what its content type says. The payload is not exactly one JSON value although it says so, or not the base64 that encoding announces. */
  INVALID_PAYLOAD(
      "invalid_payload",
      14,
      422,
      Retry.NEVER,
      "the payload is not what its content type says"),

  /** A schema of the registration cannot be used. A schema of the registration is no valid JSON Schema, or refers to something outside the registration; the detail says where. */
  INVALID_SCHEMA(
      "invalid_schema",
      15,
      422,
      Retry.NEVER,
      "a schema of the registration cannot be used"),

  /** The payload does not match the schema. The payload does not match the contract of the method or topic; pointer, keyword and expected say where and why. On a reply the service is at fault, and its caller is told so. */
  SCHEMA_VIOLATION(
      "schema_violation",
      16,
      422,
      Retry.NEVER,
      "the payload does not match the schema"),

  /** No complete first frame came in time. The connection was opened, but its first frame was not complete in time; the connection ends. */
  HANDSHAKE_TIMEOUT(
      "handshake_timeout",
      17,
      408,
      Retry.LATER,
      "no complete first frame came in time"),

  /** The other side was silent for too long. Nothing was heard from the other side, not even a pong; the connection ends. */
  HEARTBEAT_TIMEOUT(
      "heartbeat_timeout",
      18,
      408,
      Retry.LATER,
      "the other side was silent for too long"),

  /** The client did not prove who it is. The token is missing, wrong or expired, or the broker asks for connect first. */
  UNAUTHENTICATED(
      "unauthenticated",
      19,
      401,
      Retry.NEVER,
      "the client did not prove who it is"),

  /** The client may not do this. The access rules do not allow this to the client's principal. */
  FORBIDDEN(
      "forbidden",
      20,
      403,
      Retry.NEVER,
      "the client may not do this"),

  /** Topics under $ belong to the broker. Clients may publish under $bus/broadcast/ only, and declare no contract for topics under $. */
  RESERVED_TOPIC(
      "reserved_topic",
      21,
      403,
      Retry.NEVER,
      "topics under $ belong to the broker"),

  /** A request with this id is in flight already. The client has a request with this id in flight; the first one goes on. */
  DUPLICATE_ID(
      "duplicate_id",
      22,
      409,
      Retry.NEVER,
      "a request with this id is in flight already"),

  /** This client has registered this instance already. This client holds a registration of the same service and instance; unregister it first. */
  ALREADY_REGISTERED(
      "already_registered",
      23,
      409,
      Retry.NEVER,
      "this client has registered this instance already"),

  /** This client has no such registration. The registration that unregister names is not there, or several fit and no instance was named. */
  NOT_REGISTERED(
      "not_registered",
      24,
      404,
      Retry.NEVER,
      "this client has no such registration"),

  /** Another living client holds this instance. The instance is held by another client that answers; choose another name, or show the resume secret. */
  INSTANCE_IN_USE(
      "instance_in_use",
      25,
      409,
      Retry.LATER,
      "another living client holds this instance"),

  /** A new connection took this instance over. A newer connection holds this instance now; this session ends and must not reconnect. */
  TAKEN_OVER(
      "taken_over",
      26,
      409,
      Retry.NEVER,
      "a new connection took this instance over"),

  /** Another service declared a different contract for the topic. A living instance of another service declared a different contract for the topic. */
  TOPIC_CONFLICT(
      "topic_conflict",
      27,
      409,
      Retry.NEVER,
      "another service declared a different contract for the topic"),

  /** This client has no such subscription. The subscription that unsubscribe or credit names is not there. */
  NOT_SUBSCRIBED(
      "not_subscribed",
      28,
      404,
      Retry.NEVER,
      "this client has no such subscription"),

  /** No delivery of this number awaits an answer from this connection. No delivery of this number was handed to this connection. An answer that comes too late is no error: it is counted and discarded. */
  UNKNOWN_DELIVERY(
      "unknown_delivery",
      29,
      404,
      Retry.NEVER,
      "no delivery of this number awaits an answer from this connection"),

  /** A chunk came for a request that did not ask for a stream. The service answered with a chunk, but the request did not say stream. */
  UNEXPECTED_STREAM(
      "unexpected_stream",
      30,
      409,
      Retry.NEVER,
      "a chunk came for a request that did not ask for a stream"),

  /** No instance offers the method. Nobody offers the method now; the unhandled event says so as well. */
  NO_INSTANCE(
      "no_instance",
      31,
      404,
      Retry.LATER,
      "no instance offers the method"),

  /** No broker of this name is linked. The address names a broker that is not this one and is not linked to it. */
  UNKNOWN_NODE(
      "unknown_node",
      32,
      404,
      Retry.LATER,
      "no broker of this name is linked"),

  /** No answer came by the deadline. The deadline passed before the answer; the callee was told to stop and may have done the work. */
  DEADLINE_EXCEEDED(
      "deadline_exceeded",
      33,
      504,
      Retry.IF_HARMLESS_TWICE,
      "no answer came by the deadline"),

  /** The caller cancelled the request. The caller withdrew the request; the callee was told to stop and may have done the work. */
  CANCELLED(
      "cancelled",
      34,
      499,
      Retry.IF_HARMLESS_TWICE,
      "the caller cancelled the request"),

  /** The instance or the connection was lost after the request was sent. The request was handed over, then the instance or the connection was lost; whether it took effect is not known. */
  OUTCOME_UNKNOWN(
      "outcome_unknown",
      35,
      502,
      Retry.IF_HARMLESS_TWICE,
      "the instance or the connection was lost after the request was sent"),

  /** The connection was lost before the message was sent. The connection was lost before the message left; it took no effect. */
  NOT_SENT(
      "not_sent",
      36,
      503,
      Retry.LATER,
      "the connection was lost before the message was sent"),

  /** No broker answers at the address. No broker answered at the address in time; check that one runs there, or set BUSLANE_URL. */
  UNREACHABLE(
      "unreachable",
      37,
      503,
      Retry.LATER,
      "no broker answers at the address"),

  /** The callee's outbox is full. The callee does not read its requests fast enough, so the broker takes no more for it. */
  OVERLOADED(
      "overloaded",
      38,
      503,
      Retry.LATER,
      "the callee's outbox is full"),

  /** The receiver reads too slowly and its queue is full. The receiver reads too slowly: its queue is full and the policy says that it, or the stream, ends here. */
  OVERFLOW(
      "overflow",
      39,
      503,
      Retry.LATER,
      "the receiver reads too slowly and its queue is full"),

  /** A receiver's queue is full and the topic's contract says refuse. The topic's contract says refuse, and a receiver's queue is full: nobody received the publish. */
  RECEIVER_FULL(
      "receiver_full",
      40,
      503,
      Retry.LATER,
      "a receiver's queue is full and the topic's contract says refuse"),

  /** The broker or the instance is shutting down and takes nothing new. The broker or the instance finishes what it has and takes nothing new; try another instance or later. */
  DRAINING(
      "draining",
      41,
      503,
      Retry.LATER,
      "the broker or the instance is shutting down and takes nothing new"),

  /** The client was closed by its own program. The program closed its own client, which ended everything that was in flight. */
  CLOSED(
      "closed",
      42,
      503,
      Retry.NEVER,
      "the client was closed by its own program"),

  /** The client has too many requests in flight. The client has as many requests in flight as the limit requests allows; wait for one to end. */
  TOO_MANY_REQUESTS(
      "too_many_requests",
      43,
      429,
      Retry.LATER,
      "the client has too many requests in flight"),

  /** The client has too many subscriptions. The client has as many subscriptions as the limit subscriptions allows. */
  TOO_MANY_SUBSCRIPTIONS(
      "too_many_subscriptions",
      44,
      429,
      Retry.NEVER,
      "the client has too many subscriptions"),

  /** The client has too many registrations. The client has as many registrations as the limit registrations allows. */
  TOO_MANY_REGISTRATIONS(
      "too_many_registrations",
      45,
      429,
      Retry.NEVER,
      "the client has too many registrations"),

  /** The publish would examine too many filters. Finding the receivers would examine more filters than the limit; use fewer wildcard subscriptions or raise it. */
  MATCH_LIMIT(
      "match_limit",
      46,
      429,
      Retry.NEVER,
      "the publish would examine too many filters"),

  /** The broker's memory cap is reached. The broker accounts for as much memory as it may use; slow receivers or retained values hold it. */
  MEMORY_FULL(
      "memory_full",
      47,
      503,
      Retry.LATER,
      "the broker's memory cap is reached"),

  /** The registration or a part of it is larger than the limit. A schema, the number of declarations, or the whole registration is over its limit; the detail names it. */
  REGISTRATION_TOO_LARGE(
      "registration_too_large",
      48,
      413,
      Retry.NEVER,
      "the registration or a part of it is larger than the limit"),

  /** The client's own offline queue is full. The client is offline and its queue for publishes is full. */
  QUEUE_FULL(
      "queue_full",
      49,
      503,
      Retry.LATER,
      "the client's own offline queue is full"),

  /** The service failed without saying why. The handler failed without a word of its own; the service's log has the reason. */
  SERVICE_ERROR(
      "service_error",
      50,
      500,
      Retry.IF_HARMLESS_TWICE,
      "the service failed without saying why"),

  /** A defect in the broker or the client. Something happened that the program believed impossible; please report it. */
  INTERNAL(
      "internal",
      51,
      500,
      Retry.IF_HARMLESS_TWICE,
      "a defect in the broker or the client"),

  /** This version does not offer that. The message is understood, but this version of the broker does not offer what it asks for. */
  NOT_SUPPORTED(
      "not_supported",
      52,
      501,
      Retry.NEVER,
      "this version does not offer that"),

  /** The broker has no room for another connection. The broker holds as many connections as its limit allows. */
  TOO_MANY_CONNECTIONS(
      "too_many_connections",
      53,
      503,
      Retry.LATER,
      "the broker has no room for another connection"),

  /** The Origin or Host header is not allowed here. A web page of another origin, or a Host header that is not the broker's, is kept out. */
  FORBIDDEN_ORIGIN(
      "forbidden_origin",
      54,
      403,
      Retry.NEVER,
      "the Origin or Host header is not allowed here"),

  /** There is nothing at this path. The broker's HTTP side has nothing at this path. */
  NOT_FOUND(
      "not_found",
      55,
      404,
      Retry.NEVER,
      "there is nothing at this path"),

  /** The path does not answer this HTTP method. The path exists, but answers other HTTP methods; Allow names them. */
  METHOD_NOT_ALLOWED(
      "method_not_allowed",
      56,
      405,
      Retry.NEVER,
      "the path does not answer this HTTP method"),

  /** The new version breaks those who use the service. A schema of the registration breaks those who use the service, and the broker is configured to refuse that; data is the report of what breaks for whom. */
  INCOMPATIBLE_SCHEMA(
      "incompatible_schema",
      57,
      409,
      Retry.NEVER,
      "the new version breaks those who use the service"),

  /** The answer has no form that Accept allows. The Accept header allows none of the media types in which the broker's HTTP side can answer here; the detail names them. */
  NOT_ACCEPTABLE(
      "not_acceptable",
      58,
      406,
      Retry.NEVER,
      "the answer has no form that Accept allows"),

  /** A body of this media type is not taken here. The body's Content-Type is one that the broker's HTTP side does not take, such as a batch of CloudEvents; the detail says what it takes. */
  UNSUPPORTED_MEDIA_TYPE(
      "unsupported_media_type",
      59,
      415,
      Retry.NEVER,
      "a body of this media type is not taken here");

  /** Whether doing it again can help. */
  public enum Retry {
    /** It is refused again. */
    NEVER,
    /** Nothing took effect, and it may succeed later. */
    LATER,
    /** It may have taken effect: again only if twice is harmless. */
    IF_HARMLESS_TWICE
  }

  private static final Map<String, ErrorCode> BY_WORD =
      Stream.of(values()).collect(Collectors.toUnmodifiableMap(ErrorCode::word, Function.identity()));

  private final String word;
  private final int number;
  private final int status;
  private final Retry retry;
  private final String title;

  ErrorCode(String word, int number, int status, Retry retry, String title) {
    this.word = word;
    this.number = number;
    this.status = status;
    this.retry = retry;
    this.title = title;
  }

  /**
   * Returns the code of a word.
   *
   * @param word the word that travels, not null
   * @return the code, if the table has it; never null
   */
  public static Optional<ErrorCode> of(String word) {
    return Optional.ofNullable(BY_WORD.get(word));
  }

  /**
   * Returns the word that travels.
   *
   * @return the word, never null
   */
  public String word() {
    return word;
  }

  /**
   * Returns the number, for where numbers are wanted.
   *
   * @return the number, from 1
   */
  public int number() {
    return number;
  }

  /**
   * Returns the HTTP status that goes with the code.
   *
   * @return the status
   */
  public int status() {
    return status;
  }

  /**
   * Tells whether doing it again can help.
   *
   * @return whether it can, never null
   */
  public Retry retry() {
    return retry;
  }

  /**
   * Returns one sentence for people, the same for each error of the code.
   *
   * @return the sentence, never null
   */
  public String title() {
    return title;
  }
}
