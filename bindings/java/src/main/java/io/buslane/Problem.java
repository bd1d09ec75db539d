package io.buslane;

/**
 * An error as it travels: RFC 9457 problem details with the members that Buslane adds. Immutable.
 *
 * @param code what went wrong, for programs: a word of the table of codes, or the service's own; never null
 * @param origin who reports it, never null
 * @param status the HTTP status that goes with the code
 * @param uri the URI of the code's documentation, empty for a service's own; never null
 * @param title one sentence for people, the same for each error of the code; never null
 * @param detail what was wrong this time, and what to do; may be null
 * @param address the address or topic that it is about; may be null
 * @param pointer JSON Pointer (RFC 6901) to the offending value of the payload; may be null
 * @param keyword the JSON Schema keyword that failed; may be null
 * @param expected what the keyword expects, as JSON text; may be null
 * @param data anything that a service adds to its own errors, as JSON text; may be null
 */
public record Problem(
    String code,
    Origin origin,
    int status,
    String uri,
    String title,
    String detail,
    String address,
    String pointer,
    String keyword,
    String expected,
    String data) {

  /** Who reports an error. */
  public enum Origin {
    /** The broker. */
    BROKER,
    /** The service that was called; the code is then its own word. */
    SERVICE,
    /** This library. */
    CLIENT
  }

  static Problem own(ErrorCode code, String detail) {
    return new Problem(
        code.word(),
        Origin.CLIENT,
        code.status(),
        "https://buslane.dev/errors/" + code.word().replace('_', '-'),
        code.title(),
        detail,
        null,
        null,
        null,
        null,
        null);
  }

  /**
   * Returns the title and what was wrong this time, for people.
   *
   * @return one line, never null
   */
  public String message() {
    String said = title.isEmpty() ? code : title;
    return detail == null ? said : said + ": " + detail;
  }
}
