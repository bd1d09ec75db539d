package io.buslane;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A registered service. It lasts as long as its client, across lost connections, unless it is ended here. Safe for use
 * by several threads at once.
 */
public final class Registration {
  private final Buslane owner;
  private final Core core;
  private final long number;
  private final String name;

  Registration(Buslane owner, Core core, long number, String name) {
    this.owner = owner;
    this.core = core;
    this.number = number;
    this.name = name;
  }

  /**
   * Returns the service's name.
   *
   * @return the name, never null
   */
  public String name() {
    return name;
  }

  /**
   * Returns the instance's name.
   *
   * @return the name; empty while the broker has not accepted the registration, and after it has ended; never null
   */
  public Optional<String> instance() {
    return Optional.ofNullable(describe()[0]);
  }

  /**
   * Returns what the registration breaks, or may break, for those who use the service.
   *
   * @return the report as JSON text; empty if it breaks nothing, or if the broker does not look; never null
   */
  public Optional<String> compatibility() {
    return Optional.ofNullable(describe()[1]);
  }

  /**
   * Ends the registration at once. Requests under way are withdrawn, and their callers learn that the outcome is
   * unknown.
   *
   * @throws BuslaneException if it has ended already
   */
  public void unregister() {
    Core.await(end(false));
  }

  /**
   * Ends the registration after the requests under way; new ones go elsewhere from now on.
   *
   * @return done when the last request is answered; never null
   */
  public CompletableFuture<Void> drain() {
    return end(true).thenAccept(done -> {});
  }

  /** Ends the registration, whether anybody waits for that or not. */
  void drop() {
    end(false);
  }

  private BusFuture<Long> end(boolean drain) {
    long operation = core.newNumber();
    BlockWriter writer = BlockWriter.of(Operation.UNREGISTER).number(operation).number(number).flag(drain);
    BusFuture<Long> ended = core.begin(owner, operation, writer);
    ended.whenComplete(
        (done, failure) -> {
          if (failure == null) {
            core.services.remove(number);
          }
        });
    return ended;
  }

  private String[] describe() {
    try {
      byte[] answer = core.submit(BlockWriter.of(Operation.DESCRIBE).number(number));
      BlockReader reader = new BlockReader(answer, 1, answer.length);
      return new String[] {reader.text(), reader.text()};
    } catch (BuslaneException ended) {
      return new String[2];
    }
  }
}
