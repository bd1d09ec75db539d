package io.buslane;

import java.util.List;

/**
 * An instance of a service.
 *
 * @param service the service's name, never null
 * @param instance the instance's name, never null
 * @param version the service's version, as the instance says; never null
 * @param groups the groups that it belongs to, never null
 * @param methods the names of its methods, never null
 * @param node the broker that it is connected to, never null
 * @param reason why it is gone; may be null
 */
public record Instance(
    String service,
    String instance,
    String version,
    List<String> groups,
    List<String> methods,
    String node,
    String reason) {}
