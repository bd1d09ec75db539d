package io.buslane;

import java.util.Objects;

/**
 * What a handler throws to fail a request with an error of the service's own. Any other exception reaches the caller as
 * {@code service_error} with that exception's message. Immutable.
 */
public class ServiceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The service's word. */
  private final String code;

  private final transient Object data;

  /**
   * Makes an error.
   *
   * @param code the service's word: 1 to 64 of {@code a-z 0-9 _}, other characters become {@code _}; not null
   * @param title one sentence for people, not null
   */
  public ServiceException(String code, String title) {
    this(code, title, null);
  }

  /**
   * Makes an error that says more.
   *
   * @param code the service's word: 1 to 64 of {@code a-z 0-9 _}, other characters become {@code _}; not null
   * @param title one sentence for people, not null
   * @param data anything else worth knowing, taken as a payload is; may be null. What is no JSON is left out, with a
   *     warning to the logger {@code io.buslane}
   */
  public ServiceException(String code, String title, Object data) {
    super(Objects.requireNonNull(title, "title"));
    this.code = Objects.requireNonNull(code, "code");
    this.data = data;
  }

  /**
   * Returns the service's word.
   *
   * @return the word, never null
   */
  public final String code() {
    return code;
  }

  final Object data() {
    return data;
  }
}
