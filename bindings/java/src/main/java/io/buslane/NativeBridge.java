package io.buslane;

/**
 * The native functions, and nothing else: everything crosses as blocks of bytes. See {@code native/lib.rs}.
 *
 * <p>Clients are numbers here. A number of a client that has ended is answered, never a crash.
 */
final class NativeBridge {
  /** The version of the layout that this half speaks; the library has to speak the same. */
  static final int LAYOUT = 1;

  private NativeBridge() {}

  static {
    NativeLibrary.load();
  }

  /** Returns the version of the layout that the library speaks. */
  static native int layout();

  /** Starts a client, and returns its number. */
  static native long open(byte[] options, int length);

  /** Begins an operation. Returns null, or a block whose first byte tells an answer from a problem. */
  static native byte[] submit(long client, byte[] operation, int length);

  /** Waits for events: their length, its negative if they do not fit, 0 at the end. Only the client's own thread. */
  static native int poll(long client, byte[] into);

  /** Lets go of a client that has ended. */
  static native void free(long client);
}
