package io.buslane;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** What several instances have answered so far to one request. Filled by the client's thread. */
final class Gathering {
  private final List<Gathered> answers = new ArrayList<>();
  private final Listeners<Gathered> told;

  Gathering(Core core, Consumer<? super Gathered> onAnswer) {
    told = new Listeners<>(core);
    told.add(onAnswer, null);
  }

  void add(Gathered answer) {
    answers.add(answer);
    told.tell(answer);
  }

  GatheredReplies end(int expected, int replied, int failed) {
    return new GatheredReplies(List.copyOf(answers), expected, replied, failed);
  }
}
