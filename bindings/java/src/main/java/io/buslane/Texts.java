package io.buslane;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Makes one {@code String} of texts that come again and again, such as topics and senders, so that a message does not bring
 * them anew. Keeps a few, and forgets one for another. For the client's own thread.
 */
final class Texts {
  /** How many are kept, a power of two. */
  private static final int KEPT = 64;

  /** Longer ones are made anew each time. */
  private static final int LONGEST = 128;

  private final byte[][] bytes = new byte[KEPT][];
  private final String[] texts = new String[KEPT];

  /** Returns the text of so many bytes of UTF-8, at least one. */
  String text(byte[] block, int start, int length) {
    if (length > LONGEST) {
      return new String(block, start, length, StandardCharsets.UTF_8);
    }
    int place = placeOf(block, start, length);
    byte[] known = bytes[place];
    if (known == null || !Arrays.equals(known, 0, known.length, block, start, start + length)) {
      bytes[place] = Arrays.copyOfRange(block, start, start + length);
      texts[place] = new String(block, start, length, StandardCharsets.UTF_8);
    }
    return texts[place];
  }

  /** Mixes length, middle and end, where topics differ most. */
  private static int placeOf(byte[] block, int start, int length) {
    int mixed = length;
    mixed = mixed * 31 + block[start + length / 2];
    mixed = mixed * 31 + block[start + Math.max(0, length - 2)];
    mixed = mixed * 31 + block[start + length - 1];
    return (mixed ^ mixed >>> 6) & (KEPT - 1);
  }
}
