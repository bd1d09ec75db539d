// Runs in a page: the actors of scenarios, for a program outside that tells them what to do. Everything crosses as JSON.
import { Actor } from "./actor.mjs";

const actors = [];
const unhandled = [];
addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason?.stack ?? reason)));
addEventListener("error", ({ message }) => unhandled.push(message));

globalThis.cast = {
  /** Makes an actor, and returns its number; -1 if it cannot join, as it should be. */
  async join(text) {
    const { url, options, fails } = JSON.parse(text);
    const actor = await Actor.join(url, options, fails);
    return actor === undefined ? -1 : actors.push(actor) - 1;
  },

  /** Has an actor do something. */
  async call(number, name, text) {
    return JSON.stringify(await actors[number][name](...JSON.parse(text)));
  },

  /** What nobody took care of. */
  unhandled: () => unhandled,
};
