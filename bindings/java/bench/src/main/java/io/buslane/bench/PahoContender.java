package io.buslane.bench;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/**
 * Paho with mosquitto. MQTT 3.1.1 knows no requests: one is a message to a topic and one back, of a single asker, without
 * anything that tells replies apart. Publishes are of quality 0, as nothing else here is acknowledged.
 */
final class PahoContender implements Contender {
  private static final int ON_THEIR_WAY = 60_000;

  private final MqttAsyncClient answering;
  private final MqttAsyncClient asking;

  PahoContender(String url) throws Exception {
    answering = connect(url, "answering");
    asking = connect(url, "asking");
  }

  @Override
  public String name() {
    return "paho";
  }

  @Override
  public Step echo(byte[] payload) throws Exception {
    BlockingQueue<byte[]> replies = new LinkedBlockingQueue<>();
    answering
        .subscribe("echo", 0, (topic, message) -> answering.publish("reply", message.getPayload(), 0, false))
        .waitForCompletion();
    asking.subscribe("reply", 0, (topic, message) -> replies.add(message.getPayload())).waitForCompletion();
    return () -> {
      asking.publish("echo", payload, 0, false);
      replies.take();
    };
  }

  @Override
  public Step flood(byte[] payload, Runnable onMessage) throws Exception {
    answering.subscribe("flood", 0, (topic, message) -> onMessage.run()).waitForCompletion();
    return () -> asking.publish("flood", payload, 0, false);
  }

  @Override
  public void close() throws Exception {
    asking.disconnect().waitForCompletion();
    answering.disconnect().waitForCompletion();
    asking.close();
    answering.close();
  }

  private static MqttAsyncClient connect(String url, String id) throws Exception {
    MqttAsyncClient client = new MqttAsyncClient(url, id, new MemoryPersistence());
    MqttConnectOptions options = new MqttConnectOptions();
    options.setMaxInflight(ON_THEIR_WAY);
    client.connect(options).waitForCompletion();
    return client;
  }
}
