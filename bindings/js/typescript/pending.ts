/** Promises that a program may await or leave alone, and what an AbortSignal does to them. Knows nothing of the bus. */

/** A promise with what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Makes a promise to be settled later. */
export function defer<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = handled(
    new Promise<T>((resolved, rejected) => {
      resolve = resolved;
      reject = rejected;
    }),
  );
  return { promise, resolve, reject };
}

/** Lets a program leave a promise alone: that it fails is told to whoever awaits it, and is no unhandled rejection. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Calls back when a signal is aborted, with its reason. Returns how to take that back. Throws the reason if it is
 * aborted already.
 */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  if (signal === undefined) {
    return NOTHING;
  }
  signal.throwIfAborted();
  const listener = (): void => aborted(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** The longest time that setTimeout takes, in milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1;
const NOTHING = (): void => {};
