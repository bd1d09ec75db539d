// Stands between one client and the broker: forwards bytes both ways, and can be told to cut, to freeze or to refuse.
import { once } from "node:events";
import { createConnection, createServer } from "node:net";

export class Relay {
  #broker;
  #server;
  #mode = "open";
  #pairs = new Set();

  /** `path` makes it a Unix socket. */
  static async start(broker, path) {
    const relay = new Relay();
    relay.#broker = broker;
    relay.#server = createServer({ allowHalfOpen: true }, (client) => relay.#accept(client));
    relay.#server.listen(path ?? { host: "127.0.0.1", port: 0 });
    await once(relay.#server, "listening");
    return relay;
  }

  get port() {
    return this.#server.address().port;
  }

  /** `open`, `frozen`, `cut`, or `half-cut`, which keeps the broker's side. */
  set(mode) {
    this.#mode = mode;
    for (const pair of [...this.#pairs]) {
      if (mode === "open") {
        pair.forEach((socket) => socket.resume());
      } else if (mode === "frozen") {
        pair.forEach((socket) => socket.pause());
      } else {
        this.#pairs.delete(pair);
        const [client, broker] = pair;
        client.destroy();
        if (mode === "cut") {
          broker.destroy();
        }
      }
    }
  }

  end() {
    this.set("cut");
    this.#server.close();
  }

  #accept(client) {
    client.on("error", () => {});
    const place = this.#broker.place;
    if (place === undefined || !["open", "frozen"].includes(this.#mode)) {
      client.destroy();
      return;
    }
    const broker = createConnection({ ...place, allowHalfOpen: true });
    broker.on("error", () => client.destroy());
    const pair = [client, broker];
    this.#pairs.add(pair);
    forward(client, broker);
    forward(broker, client);
    broker.on("close", () => client.destroy());
    client.on("close", () => {
      if (this.#pairs.delete(pair)) {
        broker.destroy();
      }
    });
    if (this.#mode === "frozen") {
      this.set("frozen");
    }
  }
}

function forward(from, to) {
  from.on("data", (bytes) => to.write(bytes));
  from.on("end", () => to.end());
}
