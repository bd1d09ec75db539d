package io.buslane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is fetched ahead of the program is many small messages, or few large ones. */
class ReadAheadTest {
  private final ReadAhead ahead = new ReadAhead();

  @Test
  void beforeAnythingHasComeItIsNeitherManyNorFew() {
    assertEquals(128, ahead.messages());
  }

  @Test
  void manySmallOnesAreFetched() {
    ahead.saw(Collections.nCopies(200, message(100)));
    assertEquals(ReadAhead.MOST, ahead.messages());
  }

  @Test
  void fewLargeOnesAreFetched() {
    ahead.saw(Collections.nCopies(200, message(1 << 20)));
    assertEquals(ReadAhead.FEWEST, ahead.messages());
  }

  @Test
  void oneLargeOneAmongSmallOnesIsNoticed() {
    ahead.saw(Collections.nCopies(200, message(100)));
    ahead.saw(List.of(message(1 << 20), new Gap(1, 1, false)));
    assertEquals(ReadAhead.FEWEST, ahead.messages());
    ahead.saw(Collections.nCopies(200, message(100)));
    assertTrue(ahead.messages() > 128, "and forgotten");
  }

  private static Message message(int bytes) {
    Parcel parcel = new Parcel("", Map.of(), true, new byte[bytes], StandardCodec.INSTANCE);
    return new Message("topic", null, 0, null, parcel);
  }
}
