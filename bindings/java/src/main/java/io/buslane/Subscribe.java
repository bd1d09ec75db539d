package io.buslane;

import java.util.Objects;
import java.util.function.Consumer;

/** A subscription about to be made, where more is to be said than the filter. Not for several threads at once. */
public final class Subscribe {
  private final String filter;
  private String shared;
  private Overflow overflow = Overflow.DROP_OLDEST;
  private int credit;
  private long queueBytes = -1L;
  private int readAhead;
  private Consumer<? super Gap> onGap = gap -> {};

  private Subscribe(String filter) {
    this.filter = Objects.requireNonNull(filter, "filter");
  }

  /**
   * Begins a subscription.
   *
   * @param filter a topic in which {@code +} stands for one level and {@code #}, at the end, for the rest; not null
   * @return the subscription, never null
   */
  public static Subscribe to(String filter) {
    return new Subscribe(filter);
  }

  /**
   * Makes it a shared subscription: each message goes to one of the members of this name and filter.
   *
   * @param name the name, not null
   * @return this subscription
   */
  public Subscribe shared(String name) {
    this.shared = Objects.requireNonNull(name, "name");
    return this;
  }

  /**
   * Says what gives way when a queue is full. Default: the oldest messages.
   *
   * @param overflow what gives way, not null
   * @return this subscription
   */
  public Subscribe overflow(Overflow overflow) {
    this.overflow = Objects.requireNonNull(overflow, "overflow");
    return this;
  }

  /**
   * Lets the broker send so many messages ahead of what the program has taken. What does not fit waits in the broker's
   * queue instead of the client's, and gives way there by the same rule. Default: unlimited for a callback and an
   * iterator, 256 for a publisher.
   *
   * @param credit at least 1
   * @return this subscription
   * @throws IllegalArgumentException if it is less
   */
  public Subscribe credit(int credit) {
    if (credit < 1) {
      throw new IllegalArgumentException("credit is at least 1, not " + credit);
    }
    this.credit = credit;
    return this;
  }

  /**
   * Sets how many bytes may wait to be taken before the overflow rule applies. Default: as the client's builder says.
   *
   * @param bytes the number, not below zero
   * @return this subscription
   * @throws IllegalArgumentException if it is
   */
  public Subscribe queueBytes(long bytes) {
    this.queueBytes = BuslaneBuilder.notNegative(bytes);
    return this;
  }

  /**
   * Sets how many messages a callback or an iterator may have fetched from the queue before they are taken: more is
   * faster, fewer leave more to the rules of the queue. Default: up to 1,024 where they are small, fewer where they are
   * large, or 1 where there is {@link #credit}.
   *
   * @param messages at least 1
   * @return this subscription
   * @throws IllegalArgumentException if it is less
   */
  public Subscribe readAhead(int messages) {
    if (messages < 1) {
      throw new IllegalArgumentException("at least 1 is read ahead, not " + messages);
    }
    this.readAhead = messages;
    return this;
  }

  /**
   * Has gaps told, each in its place between the messages. Default: they are passed over.
   *
   * @param listener whom to tell, not null
   * @return this subscription
   */
  public Subscribe onGap(Consumer<? super Gap> listener) {
    this.onGap = Objects.requireNonNull(listener, "listener");
    return this;
  }

  String filter() {
    return filter;
  }

  Consumer<? super Gap> gapListener() {
    return onGap;
  }

  /** How far to run ahead of the program on this side: not at all where it said how far the broker may. */
  int window() {
    if (readAhead > 0) {
      return readAhead;
    }
    return credit > 0 ? 1 : Inflow.BY_SIZE;
  }

  BlockWriter write(long number, int usualCredit) {
    return BlockWriter.of(Operation.SUBSCRIBE)
        .number(number)
        .text(filter)
        .text(shared)
        .octet(overflow.ordinal())
        .number(credit > 0 ? credit : usualCredit)
        .number(queueBytes);
  }
}
