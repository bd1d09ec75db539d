/**
 * The instance of the WebAssembly module that all clients of a program share. Owns what becomes of it when it fails: its
 * clients end with `internal`, and the next client gets a new one.
 */
import * as glue from "./glue/buslane.js";
import { BuslaneError, own, type Problem } from "./error.js";
import type { Platform } from "./transport.js";

/** The functions of the module. */
export type Glue = typeof glue;

/** One instance. */
export class Instance {
  readonly #users = new Set<(error: BuslaneError) => void>();
  #failure: BuslaneError | undefined;

  /** Calls a function of the module. What it throws becomes a {@link BuslaneError}. */
  call<T>(work: (glue: Glue) => T): T {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      return work(glue);
    } catch (thrown) {
      throw typeof thrown === "string" ? BuslaneError.of(JSON.parse(thrown) as Problem) : this.#fail(thrown);
    }
  }

  /** Has `failed` called if the instance fails. Returns how to take that back. */
  use(failed: (error: BuslaneError) => void): () => void {
    this.#users.add(failed);
    return () => this.#users.delete(failed);
  }

  #fail(cause: unknown): BuslaneError {
    const failure = own("internal", `the session failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    this.#failure = failure;
    present = undefined;
    // Whoever called is in the middle of something: the others are told when that is over.
    queueMicrotask(() => {
      for (const failed of [...this.#users]) {
        failed(failure);
      }
    });
    return failure;
  }
}

/** Returns the present instance, and makes it if there is none. */
export async function instance(platform: Platform): Promise<Instance> {
  loading ??= platform.module().then(
    (module) => {
      glue.initSync({ module });
      glue.begin();
    },
    (error: unknown) => {
      loading = undefined;
      throw own("internal", `the WebAssembly module cannot be loaded: ${String(error)}`, error);
    },
  );
  await loading;
  if (present === undefined) {
    if (begun) {
      glue.__wbg_reset_state();
      glue.begin();
    }
    begun = true;
    present = new Instance();
  }
  return present;
}

let loading: Promise<void> | undefined;
let present: Instance | undefined;
let begun = false;
