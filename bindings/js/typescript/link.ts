/**
 * Drives one session: moves bytes between a transport and it, arms one timer, and hands its events on. Knows no rule of
 * the protocol, and not what the events are for.
 *
 * ```text
 *   idle --Dial--> dialling --opened--> open --Close--> closing --> idle
 *                     |                  |
 *                     +---- lost ------> idle
 * ```
 */
import type { Encoded } from "./body.js";
import { BuslaneError, own } from "./error.js";
import type { Call, Glue, Instance, PublishGathered } from "./instance.js";
import { LONGEST_TIMER } from "./pending.js";
import { Tag, type Records } from "./records.js";
import type { Stage } from "./stage.js";
import { LONGEST_MESSAGE, type Place, type Platform, type SessionOptions, type Transport } from "./transport.js";

/** Takes an event of the session; its fields are the next ones to read. Has to read them all, and must not throw. */
export type TakeEvent = (tag: Tag, records: Records) => void;

/** What a link is made of. */
export interface LinkParts {
  readonly platform: Platform;
  readonly instance: Instance;
  readonly place: Place;
  readonly options: SessionOptions;
  readonly take: TakeEvent;
  /** Called once, when the instance has failed. */
  failed(error: BuslaneError): void;
}

/** Drives one session. */
export class Link {
  readonly #parts: LinkParts;
  readonly #isWebSocket: boolean;
  readonly #handle: number;
  readonly #release: () => void;
  readonly #origin = performance.now();
  #transport: Transport | undefined;
  #closing: { flush: boolean } | undefined;
  /** Transports that still write what they were given. */
  #lingering = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armed = Infinity;
  #turnAsked = false;
  #taking = false;
  /** Bytes that wait, as the session said, and what was added since. */
  #waiting = 0;
  /** Of these, what was added since bytes were sent. */
  #unsent = 0;
  /** How long a payload may be with which a plain publish cannot fail. */
  #publishable = 0;
  /** Topics that the session has accepted. */
  readonly #topics = new Set<string>();
  #connected = false;
  #roomWanted: (() => void)[] = [];
  #idleWanted: (() => void)[] = [];
  #dead = false;

  /** Makes a session. It dials when {@link begin} is called. */
  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#isWebSocket = parts.place.kind === "websocket";
    this.#handle = this.#open(parts.options);
    this.#release = parts.instance.use((error) => {
      this.#die();
      parts.failed(error);
    });
  }

  /** Lets the session begin, or do what it was asked for. */
  begin(): void {
    if (this.#taking) {
      // A handler asks, while what the session handed out is not sent yet: what follows goes behind it.
      this.#askTurn();
    } else {
      this.#turn(false);
    }
  }

  /** Asks the session for something, and has what comes of it done soon. */
  act(work: (glue: Glue, handle: number, now: number, stage: Stage) => number | void): number {
    if (this.#dead) {
      throw own("closed", "the client has ended");
    }
    const result = this.#parts.instance.call((glue, stage) => work(glue, this.#handle, this.#now(), stage) ?? 0);
    this.#askTurn();
    return result;
  }

  /** Tells the session that the program wants no more of something. One that has ended or failed need not be told. */
  giveUp(work: (glue: Glue, handle: number, now: number) => void): void {
    if (!this.#dead) {
      this.#tell((glue) => (work(glue, this.#handle, this.#now()), 0));
      this.#askTurn();
    }
  }

  /** Ends the session. Nothing is gathered for it any more, even where its end is told later. */
  close(): void {
    this.#publishable = 0;
    this.giveUp((glue, handle, now) => glue.close(handle, now));
    this.begin();
  }

  /** Takes note that the session has accepted a topic. */
  accepted(topic: string): void {
    if (this.#topics.size >= MOST_TOPICS) {
      this.#topics.clear();
    }
    this.#topics.add(topic);
  }

  /** Has a publish without options cross together with those around it. Returns false if it has to cross by itself. */
  gather(topic: string, content: Encoded): boolean {
    const length = content.bytes === undefined ? content.text.length : content.bytes.length;
    // No letter takes more than three bytes.
    if (3 * length > this.#publishable || !this.#topics.has(topic)) {
      return false;
    }
    if (!this.#parts.instance.gather(this.#publishGathered, topic, content)) {
      return false;
    }
    this.added(topic.length + length);
    this.#askTurn();
    return true;
  }

  readonly #publishGathered: PublishGathered = (glue, length) => glue.publish_gathered(this.#handle, this.#now(), length);

  /** The session's time, in milliseconds. */
  get now(): number {
    return this.#now();
  }

  /** Takes note that about so many bytes were handed to the session in one message. */
  added(bytes: number): void {
    this.#waiting += FRAME_BYTES + bytes;
    this.#unsent += FRAME_BYTES + bytes;
  }

  /** Whether so much is on its way that more should wait. Without a connection the session's own limit holds. */
  get crowded(): boolean {
    return this.#connected && this.#waiting >= HIGH_WATER;
  }

  /** Waits while {@link crowded}. Rejects if the client ends before there is room. */
  async room(): Promise<void> {
    while (this.crowded && !this.#dead) {
      await new Promise<void>((resolve) => this.#roomWanted.push(resolve));
    }
    if (this.#dead) {
      throw own("closed", "the client has ended");
    }
  }

  /** Waits until no transport is left, after the session has ended. */
  async idle(): Promise<void> {
    if (this.#lingering > 0 || this.#transport !== undefined) {
      await new Promise<void>((resolve) => this.#idleWanted.push(resolve));
    }
  }

  /** Takes note that the session has ended: nothing is to be done any more but what is on its way. */
  finish(): void {
    if (!this.#dead) {
      this.#die();
      this.#tell((glue) => (glue.forget(this.#handle), 0));
    }
  }

  #open({ name, token, ...numbers }: SessionOptions): number {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
    const { pingAfter = NaN, goneAfter = NaN, firstRetry = NaN, longestRetry = NaN, offlineBytes = NaN } = numbers;
    return this.#parts.instance.call((glue, stage) => {
      const lengths = [stage.begin().optional(name), stage.optional(token)] as const;
      return glue.open(this.#isWebSocket, ...lengths, high, low, Date.now(), 0, pingAfter, goneAfter, firstRetry, longestRetry, offlineBytes);
    });
  }

  #die(): void {
    this.#dead = true;
    this.#publishable = 0;
    this.#release();
    clearTimeout(this.#timer);
    this.#transport?.abort();
    this.#transport = undefined;
    this.#wake(this.#roomWanted);
    this.#settle();
  }

  #now(): number {
    return performance.now() - this.#origin;
  }

  #askTurn(): void {
    if (this.#unsent >= EARLY_BYTES) {
      this.#sendEarly();
    }
    if (!this.#turnAsked) {
      this.#turnAsked = true;
      this.#parts.platform.soon(() => {
        this.#turnAsked = false;
        this.#turn(false);
      });
    }
  }

  #turn(fired: boolean): void {
    this.#cross((glue, writable) => glue.turn(this.#handle, this.#now(), fired, writable));
  }

  /**
   * Sends what is there while the program goes on, so that the broker need not wait for all of it. It counts as waiting
   * until the next turn, so that a program that waits for room lets others run.
   */
  #sendEarly(): void {
    this.#unsent = 0;
    const transport = this.#transport;
    if (!transport?.writable) {
      this.#tell(() => 0);
      return;
    }
    const batch = this.#ask((glue) => glue.transmit(this.#handle));
    if (batch !== undefined) {
      transport.send(batch.portions);
    }
  }

  /** Crosses to the session once, and does what it hands out. */
  #cross(work: (glue: Glue, writable: boolean, stage: Stage) => number): void {
    if (this.#dead) {
      return;
    }
    const writable = this.#transport?.writable ?? false;
    const batch = this.#ask((glue, stage) => work(glue, writable, stage));
    if (batch !== undefined) {
      this.#take(batch);
    }
  }

  /** Has the session called for a batch. */
  #ask(work: Call): Records | undefined {
    const place = this.#tell(work);
    return place === undefined ? undefined : this.#parts.instance.batch(place);
  }

  /** Has the session called on behalf of nobody. */
  #tell(work: Call): number | undefined {
    try {
      return this.#parts.instance.call(work);
    } catch {
      // The instance has failed, and everybody is told by it.
      return undefined;
    }
  }

  #take(records: Records): void {
    this.#waiting = records.waiting;
    this.#unsent = 0;
    this.#publishable = records.publishable;
    // They stand in the module's memory, which the next call may change.
    if (records.portions.length > 0) {
      this.#transport?.send(records.portions);
    }
    this.#taking = true;
    this.#handOut(records);
    this.#taking = false;
    if (this.#dead) {
      return;
    }
    this.#arm(records.due);
    this.#close();
    if (!this.crowded) {
      if (this.#roomWanted.length > 0) {
        // A program that waits for nothing else would keep everything that comes in waiting.
        this.#parts.platform.afterReading(() => this.#wake(this.#roomWanted));
      }
    } else if (this.#transport?.writable) {
      this.#askTurn();
    }
  }

  /** Has everything done that a batch holds. */
  #handOut(records: Records): void {
    for (let tag = records.next(); tag !== 0 && !this.#dead; tag = records.next()) {
      switch (tag) {
        case Tag.Dial:
          this.#dial();
          break;
        case Tag.Close:
          this.#closing = { flush: records.flag() };
          break;
        default:
          this.#connected = tag === Tag.Connected || (this.#connected && tag !== Tag.Disconnected);
          this.#parts.take(tag, records);
      }
    }
  }

  #dial(): void {
    const isPresent = (): boolean => this.#transport === transport;
    const lost = (reason: string): void => this.#cross((glue, _, stage) => glue.disconnected(this.#handle, this.#now(), stage.begin().text(reason)));
    const drop = (): void => {
      this.#transport?.abort();
      this.#transport = undefined;
      lost("the server sends a message that is longer than any of a broker");
    };
    let transport: Transport | undefined;
    try {
      transport = this.#parts.platform.dial(this.#parts.place, {
        opened: () => isPresent() && this.#cross((glue) => glue.connected(this.#handle, this.#now())),
        received: (bytes) => isPresent() && (bytes.length > LONGEST_MESSAGE ? drop() : this.#receive(bytes)),
        alive: () => isPresent() && this.#tell((glue) => (glue.sign_of_life(this.#handle, this.#now()), 0)),
        drained: () => isPresent() && this.#turn(false),
        lost: (reason) => {
          if (isPresent()) {
            this.#transport = undefined;
            lost(reason);
          }
        },
        refused: (status, body) => {
          if (isPresent()) {
            this.#transport = undefined;
            this.#cross((glue, _, stage) => glue.refused(this.#handle, this.#now(), status, stage.begin().text(body)));
          }
        },
      });
    } catch (error) {
      // What cannot even be begun, as a WebSocket that a page's policy forbids, is lost like any other.
      this.#parts.platform.soon(() => lost(String(error)));
    }
    this.#transport = transport;
  }

  #receive(bytes: Uint8Array): void {
    this.#cross((glue, writable, stage) =>
      glue.received(this.#handle, this.#now(), stage.begin().bytes(bytes), this.#isWebSocket, writable),
    );
  }

  /** Closes the transport if the session wants that, with its last bytes if they are worth it. */
  #close(): void {
    const closing = this.#closing;
    const transport = this.#transport;
    this.#closing = undefined;
    if (closing === undefined || transport === undefined) {
      return;
    }
    if (!closing.flush) {
      this.#transport = undefined;
      transport.abort();
      return;
    }
    const batch = this.#ask((glue) => glue.turn(this.#handle, this.#now(), false, true));
    if (batch !== undefined) {
      transport.send(batch.portions);
      this.#handOut(batch);
    }
    this.#transport = undefined;
    this.#lingering += 1;
    transport.end(() => {
      this.#lingering -= 1;
      this.#settle();
    });
  }

  /** Sets the timer. One that is set too early stays: firing early does no harm, and setting it costs. */
  #arm(due: number): void {
    if (due < 0 || this.#armed <= due) {
      return;
    }
    clearTimeout(this.#timer);
    this.#armed = due;
    const wait = Math.min(Math.max(Math.ceil(due - this.#now()), 0), LONGEST_TIMER);
    this.#timer = setTimeout(() => {
      this.#armed = Infinity;
      // A program that was held up reads what has come meanwhile, before it finds that nothing came in time.
      this.#parts.platform.afterReading(() => this.#turn(true));
    }, wait);
  }

  #wake(waiting: (() => void)[]): void {
    for (const wake of waiting.splice(0)) {
      wake();
    }
  }

  #settle(): void {
    if (this.#lingering === 0 && this.#transport === undefined) {
      this.#wake(this.#idleWanted);
    }
  }
}

/** What a frame has beside address and payload, roughly. */
const FRAME_BYTES = 40;
/** Topics that are kept in mind. */
const MOST_TOPICS = 1000;
/** Bytes that are worth a write before the program pauses. */
const EARLY_BYTES = 48 * 1024;
/** Bytes on their way above which the program's own sends wait: enough for one large write. */
const HIGH_WATER = 256 * 1024;
