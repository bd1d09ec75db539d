package io.buslane;

/**
 * What went wrong outside any call, so that no call could throw it.
 *
 * @param kind what it was, never null
 * @param subject the service's name, or the subscription's filter; null where it is neither
 * @param problem why, never null
 * @param retries whether the client tries again by itself
 */
public record Report(Kind kind, String subject, Problem problem, boolean retries) {
  /** What may go wrong. */
  public enum Kind {
    /** The broker refused a message that awaits no answer, as a publish without acknowledgement. */
    REFUSED,
    /** The broker refused what a handler answered. The caller has its own error. */
    ANSWER_REFUSED,
    /** A registration that was made before, or while there was no connection, is refused. */
    REGISTRATION_FAILED,
    /** A subscription that was made before, or while there was no connection, is refused and has ended. */
    SUBSCRIPTION_FAILED
  }

  static Report read(BlockReader reader) {
    Kind kind = Kind.values()[reader.octet()];
    String subject = reader.text();
    boolean retries = reader.flag();
    return new Report(kind, subject, reader.problem(), retries);
  }
}
