/** What a link needs of the world around it: a place to dial, the WebAssembly module, and what its session is told. Has no behaviour. */

/** Takes what a transport tells. After `lost` or `refused` nothing more comes. */
export interface TransportListener {
  /** It is open. */
  opened(): void;
  /** Bytes came. On a WebSocket they are one message. The callee keeps no view of them. */
  received(bytes: Uint8Array): void;
  /** Something came that is no message, as a ping. */
  alive(): void;
  /** It takes bytes again. */
  drained(): void;
  /** It is closed, or could not be opened. */
  lost(reason: string): void;
  /** The server answered with HTTP instead of opening it. */
  refused(status: number, body: string): void;
}

/** A connection, or an attempt at one. */
export interface Transport {
  /** Whether it takes bytes without piling them up. */
  readonly writable: boolean;
  /** Writes several portions, in their order, of which it keeps no view. On a WebSocket each is one message. */
  send(portions: readonly Uint8Array[]): void;
  /** Closes it after what was sent, and calls back when nothing of it is left. */
  end(closed: () => void): void;
  /** Closes it at once. */
  abort(): void;
}

/** What a URL leads to. */
export type Place =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "websocket"; readonly url: string };

/** What a session is told; what is left out is its own default. Times are in milliseconds. */
export interface SessionOptions {
  readonly name?: string | undefined;
  readonly token?: string | undefined;
  readonly offlineBytes?: number | undefined;
  readonly pingAfter?: number | undefined;
  readonly goneAfter?: number | undefined;
  readonly firstRetry?: number | undefined;
  readonly longestRetry?: number | undefined;
}

/** The runtime that the package runs in. */
export interface Platform {
  /** The kinds of places that it can dial. */
  readonly kinds: readonly Place["kind"][];
  /** Where the broker is if the program does not say so. */
  usualUrl(): string;
  /** Begins to open a connection. */
  dial(place: Place, listener: TransportListener): Transport;
  /** Returns the WebAssembly module, compiled. */
  module(): Promise<WebAssembly.Module>;
  /** Calls back when the program's present work is done. */
  soon(callback: () => void): void;
  /** Calls back when what has come by then was read. */
  afterReading(callback: () => void): void;
}

/** Bytes of a message far over every limit of a broker: what is longer comes from none, and is not copied. */
export const LONGEST_MESSAGE = 128 * 1024 * 1024;
