package io.buslane;

import java.util.ArrayList;
import java.util.List;

/**
 * The one thread of a client: runs the connection, and passes on what comes. Calls no code of the program's: that is the
 * executor's, so that nothing holds the connection up.
 */
final class Poller implements Runnable {
  private static final int USUAL_ROOM = 64 << 10;
  private static final int LARGEST_KEPT = 1 << 20;

  /** Items of one source that are handed over at once, at most: the program begins while more are read. */
  private static final int TOGETHER = 128;

  private final Core core;

  /** What came for {@code filled} and is not handed over yet. */
  private final List<Object> items = new ArrayList<>(TOGETHER);

  private long filled;

  private Poller(Core core) {
    this.core = core;
  }

  static void start(Core core) {
    Thread thread = new Thread(new Poller(core), "buslane");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void run() {
    core.begin();
    try {
      takeAll();
    } catch (Throwable defect) {
      Core.LOG.log(System.Logger.Level.ERROR, "the thread of a client failed, and the client with it", defect);
    }
    try {
      end();
    } finally {
      core.letGo();
    }
  }

  private void takeAll() {
    byte[] block = new byte[USUAL_ROOM];
    Texts texts = new Texts();
    while (true) {
      int length = core.poll(block);
      if (length == 0) {
        return;
      }
      if (length < 0) {
        block = new byte[Math.max(-length, block.length * 2)];
        continue;
      }
      BlockReader reader = new BlockReader(block, 0, length, texts);
      while (reader.hasMore()) {
        take(reader);
      }
      handOver();
      if (block.length > LARGEST_KEPT) {
        block = new byte[USUAL_ROOM];
      }
    }
  }

  /** Passes on one event; {@code native/events.rs} has the same numbers. */
  private void take(BlockReader reader) {
    int kind = reader.octet();
    long subject = reader.large();
    if (kind != 4 && kind != 5 && kind != 15) {
      // What is no item keeps its place behind those that came before.
      handOver();
    }
    switch (kind) {
      case 1 -> settle(subject, new Reply(reader.parcel(core.codec)));
      case 2 -> fail(subject, new BuslaneException(reader.problem()));
      case 3 -> settle(subject, reader.large());
      case 4 -> put(subject, message(reader));
      case 5 -> put(subject, new Gap(reader.large(), reader.large(), reader.flag()));
      case 6 -> part(subject, new Reply(reader.parcel(core.codec)));
      case 7 -> end(subject, null);
      case 8 -> {
        String from = reader.text();
        gathered(subject, new Gathered(from, null, new BuslaneException(reader.problem())));
      }
      case 9 -> summary(subject, reader.number(), reader.number(), reader.number());
      case 10 -> invoke(subject, reader);
      case 11 -> ifThere(core.invocations.get(subject), Invocation::withdraw);
      case 12 -> ifThere(core.invocations.get(subject), Invocation::taken);
      case 13 -> state(ConnectionState.read(reader));
      case 14 -> core.reports.tell(Report.read(reader));
      case 15 -> put(subject, PresenceEvent.read(reader));
      default -> throw new IllegalStateException("an event of the unknown kind " + kind);
    }
  }

  private Message message(BlockReader reader) {
    return new Message(
        reader.usualText(), reader.text(), reader.octet(), reader.usualText(), reader.parcel(core.codec));
  }

  private void settle(long operation, Object value) {
    @SuppressWarnings("unchecked")
    BusFuture<Object> future = (BusFuture<Object>) core.operations.remove(operation);
    ifThere(future, known -> known.settle(value, null));
  }

  private void fail(long operation, BuslaneException failure) {
    core.gatherings.remove(operation);
    ifThere(core.operations.remove(operation), future -> future.settle(null, failure));
    end(operation, failure);
  }

  private void end(long source, BuslaneException failure) {
    ifThere(core.inflows.get(source), inflow -> inflow.end(failure));
  }

  /** Puts in an item or a gap, together with what else comes for the same source before anything different. */
  private void put(long source, Object item) {
    if (source != filled || items.size() == TOGETHER) {
      handOver();
      filled = source;
    }
    items.add(item);
  }

  private void handOver() {
    if (!items.isEmpty()) {
      ifThere(core.inflows.get(filled), inflow -> inflow.put(items));
      items.clear();
    }
  }

  /** Passes on a part of a stream, or keeps a reply of several. */
  private void part(long operation, Reply reply) {
    if (core.inflows.containsKey(operation)) {
      put(operation, reply);
      handOver();
    } else {
      gathered(operation, new Gathered(reply.from(), reply, null));
    }
  }

  private void gathered(long operation, Gathered answer) {
    ifThere(core.gatherings.get(operation), gathering -> gathering.add(answer));
  }

  private void summary(long operation, int expected, int replied, int failed) {
    ifThere(
        core.gatherings.remove(operation),
        gathering -> settle(operation, gathering.end(expected, replied, failed)));
  }

  private void invoke(long token, BlockReader reader) {
    HostedService service = core.services.get(reader.large());
    int method = reader.number();
    Invocation invocation = new Invocation(core, token);
    Request request = Request.read(invocation, reader, core.codec);
    if (service == null) {
      invocation.fail(new ServiceException(ErrorCode.SERVICE_ERROR.word(), "the service has ended"));
    } else {
      service.invoke(method, invocation, request);
    }
  }

  private void state(ConnectionState state) {
    // Whoever begins to listen meanwhile hears of it once: as the present state, or as the next one.
    synchronized (core.states) {
      if (!state.equals(core.state)) {
        core.state = state;
        core.states.tell(state);
      }
    }
  }

  /** Lets everybody see the end, whatever they wait for. */
  private void end() {
    core.finish();
    core.operations.keySet().forEach(operation -> fail(operation, BuslaneException.closed()));
    core.inflows.keySet().forEach(source -> end(source, null));
    core.invocations.values().forEach(Invocation::withdraw);
    core.services.clear();
  }

  private static <T> void ifThere(T found, java.util.function.Consumer<T> action) {
    if (found != null) {
      action.accept(found);
    }
  }
}
