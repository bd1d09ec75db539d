package io.buslane.bench;

import io.nats.client.Connection;
import io.nats.client.Nats;
import java.time.Duration;

/** jnats with nats-server. */
final class NatsContender implements Contender {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Connection answering;
  private final Connection asking;

  NatsContender(String url) throws Exception {
    answering = Nats.connect(url);
    asking = Nats.connect(url);
  }

  @Override
  public String name() {
    return "jnats";
  }

  @Override
  public Step echo(byte[] payload) throws Exception {
    answering
        .createDispatcher(message -> answering.publish(message.getReplyTo(), message.getData()))
        .subscribe("echo");
    answering.flush(PATIENCE);
    return () -> asking.request("echo", payload).get();
  }

  @Override
  public Step flood(byte[] payload, Runnable onMessage) throws Exception {
    answering.createDispatcher(message -> onMessage.run()).subscribe("flood");
    answering.flush(PATIENCE);
    return () -> asking.publish("flood", payload);
  }

  @Override
  public void close() throws Exception {
    asking.close();
    answering.close();
  }
}
