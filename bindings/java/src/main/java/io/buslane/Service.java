package io.buslane;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A service about to be registered: methods with their handlers and schemas, topics, groups. Not for several threads at
 * once. What is wrong with a name or schema is told by {@link Buslane#register}.
 */
public final class Service {
  private final String name;
  private String version = "0.0.0";
  private String instance;
  private Object meta;
  private final List<String> groups = new ArrayList<>();
  private final List<Method> methods = new ArrayList<>();
  private final List<TopicContract> topics = new ArrayList<>();
  private final Map<String, String> schemas = new LinkedHashMap<>();

  /** A method with the one handler that it has. */
  record Method(
      String name,
      String input,
      String output,
      String description,
      MethodHandler handler,
      StreamHandler stream,
      PublisherHandler publisher) {}

  private Service(String name) {
    this.name = Objects.requireNonNull(name, "name");
  }

  /**
   * Begins a service.
   *
   * @param name its name: 1 to 128 of {@code A-Z a-z 0-9 _ - .}; not null
   * @return the service, never null
   */
  public static Service named(String name) {
    return new Service(name);
  }

  /**
   * Sets the version. Default: {@code 0.0.0}.
   *
   * @param version the version, not null
   * @return this service
   */
  public Service version(String version) {
    this.version = Objects.requireNonNull(version, "version");
    return this;
  }

  /**
   * Names the instance; the broker chooses a name otherwise.
   *
   * @param instance the name, not null
   * @return this service
   */
  public Service instance(String instance) {
    this.instance = Objects.requireNonNull(instance, "instance");
    return this;
  }

  /**
   * Adds the instance to a group, which callers address as {@code @group:method}.
   *
   * @param group the group's name, not null
   * @return this service
   */
  public Service group(String group) {
    groups.add(Objects.requireNonNull(group, "group"));
    return this;
  }

  /**
   * Adds anything else worth knowing, handed out verbatim.
   *
   * @param meta what to say, taken as {@link Body} says; not null
   * @return this service
   */
  public Service meta(Object meta) {
    this.meta = Objects.requireNonNull(meta, "meta");
    return this;
  }

  /**
   * Adds a method that takes any input.
   *
   * @param method its name, not null
   * @param handler what answers, not null
   * @return this service
   */
  public Service method(String method, MethodHandler handler) {
    return method(method, null, handler);
  }

  /**
   * Adds a method.
   *
   * @param method its name, not null
   * @param input a JSON Schema as text, null for none
   * @param handler what answers, not null
   * @return this service
   */
  public Service method(String method, String input, MethodHandler handler) {
    Objects.requireNonNull(handler, "handler");
    return add(new Method(method, input, null, null, handler, null, null));
  }

  /**
   * Adds a method that answers in parts, from a thread that waits while the caller takes no more.
   *
   * @param method its name, not null
   * @param input a JSON Schema as text, null for none
   * @param handler what answers, not null
   * @return this service
   */
  public Service streamMethod(String method, String input, StreamHandler handler) {
    Objects.requireNonNull(handler, "handler");
    return add(new Method(method, input, null, null, null, handler, null));
  }

  /**
   * Adds a method that answers in parts, by a publisher.
   *
   * @param method its name, not null
   * @param input a JSON Schema as text, null for none
   * @param handler what answers, not null
   * @return this service
   */
  public Service publisherMethod(String method, String input, PublisherHandler handler) {
    Objects.requireNonNull(handler, "handler");
    return add(new Method(method, input, null, null, null, null, handler));
  }

  /**
   * Sets the schema of what a method answers, of each part where it answers in parts. The broker holds the service to
   * it.
   *
   * @param method a method that was added, not null
   * @param output a JSON Schema as text, not null
   * @return this service
   * @throws IllegalArgumentException if there is no such method
   */
  public Service output(String method, String output) {
    int index = indexOf(method);
    Method old = methods.get(index);
    methods.set(
        index,
        new Method(old.name, old.input, output, old.description, old.handler, old.stream, old.publisher));
    return this;
  }

  /**
   * Describes a method, for people.
   *
   * @param method a method that was added, not null
   * @param text the description, not null
   * @return this service
   * @throws IllegalArgumentException if there is no such method
   */
  public Service description(String method, String text) {
    int index = indexOf(method);
    Method old = methods.get(index);
    methods.set(
        index, new Method(old.name, old.input, old.output, text, old.handler, old.stream, old.publisher));
    return this;
  }

  /**
   * Declares the contract of a topic.
   *
   * @param contract the contract, not null
   * @return this service
   */
  public Service topic(TopicContract contract) {
    topics.add(Objects.requireNonNull(contract, "contract"));
    return this;
  }

  /**
   * Adds a schema to which the others may refer by its URI.
   *
   * @param uri the URI, not null
   * @param schema a JSON Schema as text, not null
   * @return this service
   */
  public Service schema(String uri, String schema) {
    schemas.put(Objects.requireNonNull(uri, "uri"), Objects.requireNonNull(schema, "schema"));
    return this;
  }

  String name() {
    return name;
  }

  List<Method> methods() {
    return List.copyOf(methods);
  }

  void write(BlockWriter writer, Codec codec) {
    writer.text(name).text(version).text(instance).texts(groups);
    writer.block(meta == null ? null : Body.of(meta, codec).content());
    writer.number(methods.size());
    for (Method method : methods) {
      writer.text(method.name).text(method.input).text(method.output).text(method.description);
    }
    writer.number(topics.size());
    topics.forEach(topic -> topic.write(writer));
    writer.pairs(schemas);
  }

  private Service add(Method method) {
    Objects.requireNonNull(method.name, "method");
    methods.add(method);
    return this;
  }

  private int indexOf(String method) {
    for (int index = 0; index < methods.size(); index++) {
      if (methods.get(index).name.equals(method)) {
        return index;
      }
    }
    throw new IllegalArgumentException("the method " + method + " is described before it is added");
  }
}
