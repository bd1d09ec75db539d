package io.buslane;

/** What may be asked of the native half; {@code native/operations.rs} has the same numbers. */
enum Operation {
  REQUEST(1),
  CANCEL(2),
  GRANT(3),
  PUBLISH(4),
  PUBLISH_AWAITED(5),
  FLUSH(6),
  SUBSCRIBE(7),
  UNSUBSCRIBE(8),
  PRESENCE(9),
  REGISTER(10),
  UNREGISTER(11),
  DESCRIBE(12),
  REPLY(13),
  FAIL(14),
  CHUNK(15),
  END(16),
  IS_WITHDRAWN(17),
  WATCH(18),
  CLOSE(19);

  final int number;

  Operation(int number) {
    this.number = number;
  }
}
