package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Texts that come again are what they were, whatever came between. */
class TextsTest {
  private final Texts texts = new Texts();

  @Test
  void aTextThatComesAgainIsTheSameString() {
    assertSame(read("host/attic/cpu"), read("host/attic/cpu"));
  }

  @Test
  void textsThatShareAPlaceAreToldApart() {
    for (int round = 0; round < 3; round++) {
      for (int number = 0; number < 1_000; number++) {
        String text = "host/" + number + "/cpu/é";
        assertEquals(text, read(text));
      }
    }
  }

  @Test
  void aTextOfAnyLengthIsRead() {
    for (int length = 1; length < 300; length++) {
      String text = "x".repeat(length);
      assertEquals(text, read(text));
    }
  }

  /** Reads a text that stands amid other bytes. */
  private String read(String text) {
    byte[] bytes = ("<" + text + ">").getBytes(StandardCharsets.UTF_8);
    return texts.text(bytes, 1, bytes.length - 2);
  }
}
