package io.buslane.bench;

import io.buslane.Buslane;
import io.buslane.Service;

/** Buslane with its broker. */
final class BuslaneContender implements Contender {
  private final Buslane answering;
  private final Buslane asking;

  BuslaneContender(String url) {
    answering = Buslane.connect(url);
    asking = Buslane.connect(url);
  }

  @Override
  public String name() {
    return "buslane";
  }

  @Override
  public Step echo(byte[] payload) {
    answering.register(Service.named("echo").method("say", request -> request.bytes()));
    return () -> asking.request("echo:say", payload).get();
  }

  @Override
  public Step flood(byte[] payload, Runnable onMessage) {
    answering.subscribe("flood", message -> onMessage.run());
    return () -> asking.publish("flood", payload);
  }

  @Override
  public void close() {
    asking.close();
    answering.close();
  }
}
