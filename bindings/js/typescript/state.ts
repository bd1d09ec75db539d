/** What happens to the connection and outside any call. Has no behaviour. */
import type { BuslaneError } from "./error.js";

/** Where the connection to the broker stands. */
export type State =
  /** The first connection is being made. */
  | { readonly kind: "connecting" }
  /** The broker has accepted the client: `client` is its id on this broker, of this connection only. */
  | { readonly kind: "connected"; readonly client: string; readonly node: string; readonly server: string }
  /** The connection is lost, or an attempt failed. Another follows by itself. */
  | { readonly kind: "disconnected"; readonly error: BuslaneError; readonly retryInMs: number }
  /** The broker shuts down: what is under way is finished, new requests wait for the next connection. */
  | { readonly kind: "draining"; readonly closesInMs: number }
  /**
   * The client has ended: `closed` by the program, `taken_over` by another process that holds its instance now,
   * `unauthenticated` or `unsupported_version` if the broker will never take it, `internal` for a defect.
   */
  | { readonly kind: "ended"; readonly error: BuslaneError };

/** What went wrong outside any call, so that no call could tell it. */
export type Report =
  /** The broker refused a message that awaits no answer, as a publish without acknowledgement. */
  | { readonly kind: "refused"; readonly error: BuslaneError }
  /** The broker refused what a handler answered. The caller has its own error. */
  | { readonly kind: "answer_refused"; readonly error: BuslaneError }
  /** A registration that was made before is refused; `retries` tells whether it is tried again by itself. */
  | { readonly kind: "registration_failed"; readonly service: string; readonly error: BuslaneError; readonly retries: boolean }
  /** A subscription that was made before is refused and has ended. */
  | { readonly kind: "subscription_failed"; readonly filter: string; readonly error: BuslaneError };
