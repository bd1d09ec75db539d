// What the programs share: they join, say so if there is no broker, and end on Ctrl-C or SIGTERM.
import process from "node:process";
import { connect } from "buslane";

/** Joins the bus; without a broker the program ends with 1. */
export async function join() {
  try {
    return await connect(); // BUSLANE_URL, else 127.0.0.1:5959
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exit(1);
  }
}

/** Resolves when the program is asked to end. */
export const askedToEnd = new Promise((resolve) => {
  process.once("SIGINT", resolve);
  process.once("SIGTERM", resolve);
});
