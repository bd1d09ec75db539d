/**
 * The one error of this package. Owns how problems become errors and errors become problems; decides nothing about
 * them.
 */
import { RETRY, TITLES, type ErrorCode } from "./error-codes.js";

/** What an error says, in the one shape that travels (RFC 9457 problem details). */
export interface Problem {
  /** The word of the table of errors, or a service's own. */
  code: string;
  /** One sentence for people, the same for each error of the code. */
  title?: string;
  /** What happened this time. */
  detail?: string;
  /** A URI that names the kind of error. */
  type?: string;
  /** The HTTP status that goes with it. */
  status?: number;
  /** Who reports it: the broker, the service that was called, or this package. */
  origin?: "broker" | "service" | "client";
  /** The address or topic that it is about. */
  address?: string;
  /** Where in the payload, as a JSON Pointer. */
  pointer?: string;
  /** The keyword of the schema that does not hold. */
  keyword?: string;
  /** What the keyword wants. */
  expected?: unknown;
  /** Whatever else a service says. */
  data?: unknown;
}

/** Whether doing it again can help. */
export type Retry = "never" | "later" | "if_harmless_twice";

/** What a service may say of its own errors beside code and title. */
export interface ErrorDetails {
  /** What happened this time. */
  detail?: string;
  /** Anything else worth knowing, as JSON. */
  data?: unknown;
  /** What led to it; stays in this program. */
  cause?: unknown;
}

/**
 * Why something did not succeed. A handler throws it to fail with a code of its own:
 * `throw new BuslaneError("not_found", "nothing is kept under this key")`.
 */
export class BuslaneError extends Error {
  /** The word of the table of errors ({@link ErrorCode}), or a service's own. */
  readonly code: ErrorCode | (string & {});
  /** Everything that is known. */
  readonly problem: Readonly<Problem>;

  /** Makes an error of a code, 1 to 64 of `a-z 0-9 _`, and a sentence for people. */
  constructor(code: ErrorCode | (string & {}), title?: string, details: ErrorDetails = {}) {
    super(message(code, title, details.detail), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.problem = {
      code,
      title: title ?? TITLES[code as ErrorCode] ?? code,
      ...(details.detail === undefined ? {} : { detail: details.detail }),
      ...(details.data === undefined ? {} : { data: details.data }),
      origin: "client",
    };
  }

  /** Makes the error of a problem that came over the wire. */
  static of(problem: Problem): BuslaneError {
    const error = new this(problem.code, problem.title, { detail: problem.detail });
    (error as { problem: Problem }).problem = problem;
    return error;
  }

  /** What happened this time. */
  get detail(): string | undefined {
    return this.problem.detail;
  }

  /** Who reports it; the broker unless it says otherwise. */
  get origin(): "broker" | "service" | "client" {
    return this.problem.origin ?? "broker";
  }

  /** The HTTP status that goes with it. */
  get status(): number | undefined {
    return this.problem.status;
  }

  /** The address or topic that it is about. */
  get address(): string | undefined {
    return this.problem.address;
  }

  /** Where in the payload, as a JSON Pointer. */
  get pointer(): string | undefined {
    return this.problem.pointer;
  }

  /** The keyword of the schema that does not hold. */
  get keyword(): string | undefined {
    return this.problem.keyword;
  }

  /** What the keyword wants. */
  get expected(): unknown {
    return this.problem.expected;
  }

  /** Whatever else a service says. */
  get data(): unknown {
    return this.problem.data;
  }

  /**
   * Whether doing it again can help. A service's own error may be worth it or not: only the service knows, so it
   * counts as `if_harmless_twice`.
   */
  get retry(): Retry {
    const known = this.origin === "service" ? undefined : RETRY[this.code as ErrorCode];
    return known ?? "if_harmless_twice";
  }
}

// Where stacks look for it; the name of the class is another one once it is minified.
BuslaneError.prototype.name = "BuslaneError";

/** Makes an error that this package reports itself. */
export function own(code: ErrorCode, detail: string, cause?: unknown): BuslaneError {
  return new BuslaneError(code, TITLES[code], { detail, cause });
}

/** Makes the problem that a service's caller gets for whatever a handler threw, even if that cannot be looked at. */
export function problemOf(thrown: unknown): Problem {
  try {
    return read(thrown);
  } catch {
    return { code: "service_error", title: TITLES.service_error, status: 500, origin: "service" };
  }
}

function read(thrown: unknown): Problem {
  const { code, message } = (thrown ?? {}) as { code?: unknown; message?: unknown };
  const known = typeof code === "string" && CODE.test(code);
  const problem: Problem = {
    code: known ? code : "service_error",
    title: typeof message === "string" && message !== "" ? message : typeof thrown === "string" ? thrown : TITLES.service_error,
    status: 500,
    origin: "service",
  };
  if (thrown instanceof BuslaneError) {
    problem.title = thrown.problem.title;
    problem.detail = thrown.problem.detail;
    problem.data = thrown.problem.data;
  }
  return problem;
}

/** Writes a problem as JSON; data that cannot be written is left out. */
export function writeProblem(problem: Problem): string {
  try {
    return JSON.stringify(problem);
  } catch {
    return JSON.stringify({ ...problem, data: undefined });
  }
}

function message(code: string, title: string | undefined, detail: string | undefined): string {
  const head = title || TITLES[code as ErrorCode] || code;
  return detail === undefined ? head : `${head}: ${detail}`;
}

const CODE = /^[a-z0-9_]{1,64}$/;
