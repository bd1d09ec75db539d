// A page in a real browser whose clients play scenarios: outside of it, each is an actor like those in Node.
import { fileURLToPath } from "node:url";
import { PageServer } from "../stage/browser.mjs";
import { Tab } from "../stage/tab.mjs";

const folder = fileURLToPath(new URL("../../", import.meta.url));
const text = `<!doctype html>
<script type="importmap">{ "imports": { "buslane": "/dist/web.js" } }</script>
<script type="module" src="/test/scenarios/cast.mjs"></script>`;

export class Page {
  #server;
  #tab;

  static async open() {
    const page = new Page();
    page.#server = await PageServer.start({ "/": text }, folder);
    page.#tab = await Tab.open(`${page.origin}/`);
    await page.#tab.until("globalThis.cast !== undefined");
    return page;
  }

  /** The origin that a broker has to list. */
  get origin() {
    return this.#server.origin;
  }

  /** Makes an actor that joins the bus; returns nothing if that fails as it should. */
  async join(url, options, fails) {
    const number = await this.#tab.evaluate(`cast.join(${JSON.stringify(JSON.stringify({ url, options, fails }))})`);
    return number < 0 ? undefined : new RemoteActor(this.#tab, number);
  }

  /** What no code of the page took care of. */
  unhandled() {
    return this.#tab.evaluate("cast.unhandled()");
  }

  async close() {
    await this.#tab.close();
    this.#server.end();
  }
}

/** An actor inside the page. */
class RemoteActor {
  #tab;
  #number;
  #looks = new Map();

  constructor(tab, number) {
    this.#tab = tab;
    this.#number = number;
  }

  act(step) {
    return this.#call("act", step);
  }

  next(step) {
    return this.#call("next", step);
  }

  state() {
    return this.#call("state");
  }

  leftOver() {
    return this.#call("leftOver");
  }

  end() {
    return this.#call("end");
  }

  look(label) {
    if (!this.#looks.has(label)) {
      this.#looks.set(label, this.#call("look", label));
    }
    return this.#looks.get(label);
  }

  takeAway(label) {
    this.#looks.delete(label);
    // What follows in the page comes after this.
    void this.#call("takeAway", label);
  }

  async #call(name, ...given) {
    const text = await this.#tab.evaluate(`cast.call(${this.#number}, ${JSON.stringify(name)}, ${JSON.stringify(JSON.stringify(given))})`);
    return text === undefined ? undefined : JSON.parse(text);
  }
}
