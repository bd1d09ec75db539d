/**
 * The instance of the WebAssembly module that all clients of a program share. Owns what becomes of it when it fails: its
 * clients end with `internal`, and the next client gets a new one.
 */
import type { Encoded } from "./body.js";
import * as glue from "./glue/buslane.js";
import { BuslaneError, own, type Problem } from "./error.js";
import { Records } from "./records.js";
import { Stage } from "./stage.js";
import type { Platform } from "./transport.js";

/** The functions of the module. */
export type Glue = typeof glue;

/** Writes to the stage and calls a function of the module; nothing of the program's runs in between. */
export type Call = (glue: Glue, stage: Stage) => number;

/** Publishes so many bytes of what was gathered on the stage. */
export type PublishGathered = (glue: Glue, length: number) => number;

/** One instance. */
export class Instance {
  readonly #memory: WebAssembly.Memory;
  readonly #stage: Stage;
  /** Whose publishes are gathered on the stage, if there are any. */
  #gatherer: PublishGathered | undefined;
  readonly #users = new Set<(error: BuslaneError) => void>();
  #failure: BuslaneError | undefined;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#stage = new Stage(glue, memory);
  }

  /**
   * Has a function of the module called, after what it takes was written. Throws the problem if it returns that there is one,
   * and fails for good if the module does. What a program handed in wrongly is refused before the module sees it: it then
   * throws itself, or JavaScript throws a TypeError where a value is no number.
   */
  call(work: Call): number {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    let result: number;
    try {
      this.#publishGathered();
      result = work(glue, this.#stage);
    } catch (thrown) {
      throw thrown instanceof BuslaneError ? thrown : thrown instanceof TypeError ? own("invalid_message", thrown.message, thrown) : this.#fail(thrown);
    }
    if (result === FAILED) {
      throw BuslaneError.of(JSON.parse(this.batch(glue.failure()).string()) as Problem);
    }
    return result;
  }

  /**
   * Keeps a publish back until the next call, and has it made then by `gatherer`. Returns false where there is no room
   * for it.
   */
  gather(gatherer: PublishGathered, topic: string, content: Encoded): boolean {
    if (this.#gatherer !== gatherer) {
      // Those of another client, and the failure of the instance if there is one.
      this.call(() => 0);
    }
    if (!this.#stage.gather(topic, content)) {
      return false;
    }
    this.#gatherer = gatherer;
    return true;
  }

  /** Reads the batch that the last call returned the place of. */
  batch(place: number): Records {
    return new Records(this.#memory.buffer, place >>> 0);
  }

  /** Has `failed` called if the instance fails. Returns how to take that back. */
  use(failed: (error: BuslaneError) => void): () => void {
    this.#users.add(failed);
    return () => this.#users.delete(failed);
  }

  #publishGathered(): void {
    const gatherer = this.#gatherer;
    if (gatherer !== undefined) {
      this.#gatherer = undefined;
      if (gatherer(glue, this.#stage.handOver()) === FAILED) {
        throw new Error(this.batch(glue.failure()).string());
      }
    }
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
  loading ??= platform.module().catch((error: unknown) => {
    loading = undefined;
    throw own("internal", `the WebAssembly module cannot be loaded: ${String(error)}`, error);
  });
  const module = await loading;
  if (present === undefined) {
    if (begun) {
      glue.__wbg_reset_state();
    }
    begun = true;
    const { memory } = glue.initSync({ module });
    glue.begin();
    present = new Instance(memory);
  }
  return present;
}

let loading: Promise<WebAssembly.Module> | undefined;
let present: Instance | undefined;
let begun = false;
/** What is returned in place of a number where there is a problem to tell. */
const FAILED = -2;
