package io.buslane;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Executor;

/** Everything that a program may say about its client before it connects. Not for several threads at once. */
public final class BuslaneBuilder {
  private String url;
  private String name;
  private String token;
  private boolean lazy;
  private boolean json;
  private Duration connectTimeout;
  private Duration requestTimeout;
  private long queueBytes = -1L;
  private long offlineBytes = -1L;
  private Duration pingAfter;
  private Duration goneAfter;
  private Duration firstBackoff;
  private Duration longestBackoff;
  private Codec codec;
  private Executor executor;

  BuslaneBuilder() {}

  /**
   * Says where the broker is. Default: what the environment variable {@code BUSLANE_URL} says, else {@code
   * buslane://127.0.0.1:5959}.
   *
   * @param url {@code buslane://host:port}, {@code buslane+unix:///path} or {@code ws://host:port}; not null
   * @return this builder
   */
  public BuslaneBuilder url(String url) {
    this.url = Objects.requireNonNull(url, "url");
    return this;
  }

  /**
   * Names the client; others see the name as the sender's while nothing is registered. Default: the broker's choice.
   *
   * @param name the name, not null
   * @return this builder
   */
  public BuslaneBuilder name(String name) {
    this.name = Objects.requireNonNull(name, "name");
    return this;
  }

  /**
   * Proves to the broker who the client is. Default: nothing.
   *
   * @param token the token, not null
   * @return this builder
   */
  public BuslaneBuilder token(String token) {
    this.token = Objects.requireNonNull(token, "token");
    return this;
  }

  /**
   * Lets {@link #connect} return at once, whether there is a broker or not: the program works alone, and joins the bus
   * when there is one.
   *
   * @return this builder
   */
  public BuslaneBuilder lazy() {
    this.lazy = true;
    return this;
  }

  /**
   * Lets JSON text travel instead of binary frames, for those who want to read along.
   *
   * @return this builder
   */
  public BuslaneBuilder json() {
    this.json = true;
    return this;
  }

  /**
   * Sets how long {@link #connect} waits for the broker. Default: 5 s.
   *
   * @param timeout the time, not null
   * @return this builder
   */
  public BuslaneBuilder connectTimeout(Duration timeout) {
    this.connectTimeout = Objects.requireNonNull(timeout, "timeout");
    return this;
  }

  /**
   * Sets the deadline of requests that name none. Default: the broker's, which is 5 s by default.
   *
   * @param timeout the time, not null
   * @return this builder
   */
  public BuslaneBuilder requestTimeout(Duration timeout) {
    this.requestTimeout = Objects.requireNonNull(timeout, "timeout");
    return this;
  }

  /**
   * Sets how many bytes a subscription may hold before its overflow rule applies. Default: 4 MiB.
   *
   * @param bytes the number, not below zero
   * @return this builder
   * @throws IllegalArgumentException if it is
   */
  public BuslaneBuilder queueBytes(long bytes) {
    this.queueBytes = notNegative(bytes);
    return this;
  }

  /**
   * Sets how many bytes of requests and publishes may wait for a connection. Past it they fail with {@link
   * ErrorCode#QUEUE_FULL}. Default: 1 MiB.
   *
   * @param bytes the number, not below zero
   * @return this builder
   * @throws IllegalArgumentException if it is
   */
  public BuslaneBuilder offlineBytes(long bytes) {
    this.offlineBytes = notNegative(bytes);
    return this;
  }

  /**
   * Sets the silence of the broker after which the client asks for a sign of life, and the one after which it gives the
   * connection up. Default: 15 s and 45 s. Zero for never.
   *
   * @param pingAfter the one, not null
   * @param goneAfter the other, not null
   * @return this builder
   */
  public BuslaneBuilder heartbeat(Duration pingAfter, Duration goneAfter) {
    this.pingAfter = Objects.requireNonNull(pingAfter, "pingAfter");
    this.goneAfter = Objects.requireNonNull(goneAfter, "goneAfter");
    return this;
  }

  /**
   * Sets the first and the longest wait between attempts to connect; each wait is twice the one before, less up to a
   * half by chance. Default: 100 ms and 30 s.
   *
   * @param first the one, not null
   * @param longest the other, not null
   * @return this builder
   */
  public BuslaneBuilder backoff(Duration first, Duration longest) {
    this.firstBackoff = Objects.requireNonNull(first, "first");
    this.longestBackoff = Objects.requireNonNull(longest, "longest");
    return this;
  }

  /**
   * Sets what writes and reads values. Default: {@link Codec#standard}.
   *
   * @param codec the codec, not null
   * @return this builder
   */
  public BuslaneBuilder codec(Codec codec) {
    this.codec = Objects.requireNonNull(codec, "codec");
    return this;
  }

  /**
   * Sets where handlers, callbacks and what depends on futures run. Default: a virtual thread each where the JVM has
   * them (Java 21), else up to 64 daemon threads that all clients share.
   *
   * <p>An executor that takes nothing more fails the requests that come in, and ends subscriptions.
   *
   * @param executor the executor, not null; the client does not shut it down. One
   *     that runs its work in the thread that hands it over holds the connection up while it runs: what waits for the bus
   *     there fails with {@link IllegalStateException}
   * @return this builder
   */
  public BuslaneBuilder executor(Executor executor) {
    this.executor = Objects.requireNonNull(executor, "executor");
    return this;
  }

  /**
   * Connects, and waits until the broker has accepted the client.
   *
   * @return the client, never null
   * @throws BuslaneException with {@link ErrorCode#UNREACHABLE} if no broker answers in time, with another code if the
   *     broker refuses the client or something that was said here cannot be used
   * @throws UnsatisfiedLinkError if the native library cannot be loaded
   */
  public Buslane connect() {
    BlockWriter options = BlockWriter.plain();
    options.text(url).text(name).text(token).flag(lazy).flag(json);
    options.time(connectTimeout).time(requestTimeout).number(queueBytes).number(offlineBytes);
    options.time(pingAfter).time(goneAfter).time(firstBackoff).time(longestBackoff);
    Core core =
        new Core(
            options,
            codec != null ? codec : Codec.standard(),
            executor != null ? executor : StandardExecutor.INSTANCE);
    return Buslane.connected(core);
  }

  static long notNegative(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("a number of bytes is not below zero, as " + bytes + " is");
    }
    return bytes;
  }
}
