package io.buslane;

import java.util.Optional;

/**
 * Why something did not come about. Unchecked; the code says what happened, and {@link ErrorCode#retry} whether doing it
 * again can help. Immutable.
 */
public final class BuslaneException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  /** The code of the table. */
  private final ErrorCode code;

  /** The code as it travels. */
  private final String word;

  BuslaneException(Problem problem, Throwable cause) {
    super(problem.message() + " (" + problem.code() + ")", cause);
    this.problem = problem;
    this.word = problem.code();
    this.code =
        problem.origin() == Problem.Origin.SERVICE
            ? ErrorCode.SERVICE_ERROR
            : ErrorCode.of(problem.code()).orElse(ErrorCode.INTERNAL);
  }

  BuslaneException(Problem problem) {
    this(problem, null);
  }

  static BuslaneException own(ErrorCode code, String detail, Throwable cause) {
    return new BuslaneException(Problem.own(code, detail), cause);
  }

  static BuslaneException closed() {
    return own(ErrorCode.CLOSED, "the client is closed", null);
  }

  /**
   * Returns the code of the table. Of a service's own error it is {@link ErrorCode#SERVICE_ERROR}, and {@link #word}
   * tells the service's own word.
   *
   * @return the code, never null
   */
  public ErrorCode code() {
    return code;
  }

  /**
   * Returns the code as it travels: the word of {@link #code}, or the service's own.
   *
   * @return the word, never null
   */
  public String word() {
    return word;
  }

  /**
   * Tells whether the service that was called said this.
   *
   * @return whether it did
   */
  public boolean isOfService() {
    return problem().origin() == Problem.Origin.SERVICE;
  }

  /**
   * Returns everything that is known.
   *
   * @return the problem, never null
   */
  public Problem problem() {
    // It does not travel with a serialized exception; the code does.
    return problem != null ? problem : Problem.own(code, getMessage());
  }

  /**
   * Returns where the offending value of the payload is, if the payload broke a schema.
   *
   * @return a JSON Pointer (RFC 6901); never null
   */
  public Optional<String> pointer() {
    return Optional.ofNullable(problem().pointer());
  }

  /**
   * Returns the JSON Schema keyword that failed, if the payload broke a schema.
   *
   * @return the keyword; never null
   */
  public Optional<String> keyword() {
    return Optional.ofNullable(problem().keyword());
  }

  /**
   * Returns what the keyword expects, if the payload broke a schema.
   *
   * @return JSON text; never null
   */
  public Optional<String> expected() {
    return Optional.ofNullable(problem().expected());
  }
}
