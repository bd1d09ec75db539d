// Writes typescript/error-codes.ts from schemas/errors.json; with --check says whether it is fresh.
import { readFileSync, writeFileSync } from "node:fs";

const table = new URL("../../../schemas/errors.json", import.meta.url);
const target = new URL("../typescript/error-codes.ts", import.meta.url);
const { errors } = JSON.parse(readFileSync(table, "utf8"));

const entries = (member) => errors.map((row) => `  ${row.code}: ${JSON.stringify(row[member])},`).join("\n");
const text = `/** The table of error codes. Written by \`node scripts/error-codes.mjs\` from schemas/errors.json; not to be edited. */

/** The codes that the broker and this package use. A service's own may be any other word. */
export const ERROR_CODES = [
${errors.map((row) => `  ${JSON.stringify(row.code)},`).join("\n")}
] as const;

/** A code of the table. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** One sentence for each code. */
export const TITLES: Readonly<Record<ErrorCode, string>> = {
${entries("title")}
};

/** The HTTP status of each code. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
${entries("status")}
};

/** Whether doing it again can help, for each code. */
export const RETRY: Readonly<Record<ErrorCode, "never" | "later" | "if_harmless_twice">> = {
${entries("retry")}
};
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("typescript/error-codes.ts is not what schemas/errors.json says: run node scripts/error-codes.mjs");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
