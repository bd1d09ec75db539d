// A queue that one expectation at a time takes from.

export class Queue {
  #items = [];
  #waiting = [];

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#items.push(item);
    } else {
      waiting(item);
    }
  }

  next() {
    return this.#items.length > 0 ? Promise.resolve(this.#items.shift()) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What nobody took. */
  get left() {
    return this.#items;
  }

  /** Takes everything that something yields, until it ends. */
  static of(iterable, read, end) {
    const queue = new Queue();
    (async () => {
      try {
        for await (const item of iterable) {
          queue.push(read(item));
        }
        if (end !== undefined) {
          queue.push(end());
        }
      } catch (error) {
        queue.push({ expect: "error", error: error.problem ?? { thrown: String(error) } });
      }
    })();
    return queue;
  }
}
