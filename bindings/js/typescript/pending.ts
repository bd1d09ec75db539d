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
 * Calls back when a signal is aborted, with its reason; `aborted` must not throw. Returns how to take that back. Throws the
 * reason if it is aborted already. However many wait, the signal has one listener: programs share one among all they do.
 */
export function onAbort(signal: AbortSignal | undefined, aborted: (reason: unknown) => void): () => void {
  if (signal === undefined) {
    return NOTHING;
  }
  signal.throwIfAborted();
  const watch = WATCHED.get(signal) ?? new Watch(signal);
  return watch.add(() => aborted(signal.reason));
}

/** Waits for a promise as long as a signal lets it. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  const either = defer<T>();
  const forget = onAbort(signal, either.reject);
  promise.then(either.resolve, either.reject);
  return either.promise.finally(forget);
}

/** The one listener of a signal, as long as somebody waits for it. */
class Watch {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<() => void>();
  readonly #listener = (): void => this.#tell();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(aborted: () => void): () => void {
    if (this.#waiting.size === 0) {
      WATCHED.set(this.#signal, this);
      this.#signal.addEventListener("abort", this.#listener, { once: true });
    }
    this.#waiting.add(aborted);
    return () => this.#remove(aborted);
  }

  #remove(aborted: () => void): void {
    if (this.#waiting.delete(aborted) && this.#waiting.size === 0) {
      this.#signal.removeEventListener("abort", this.#listener);
    }
  }

  #tell(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    waiting.forEach((aborted) => aborted());
  }
}

/** The longest time that setTimeout takes, in milliseconds. */
export const LONGEST_TIMER = 2 ** 31 - 1;
const NOTHING = (): void => {};
const WATCHED = new WeakMap<AbortSignal, Watch>();
