package io.buslane;

/**
 * Stands where messages are missing: a queue on the way was full, or the connection was lost.
 *
 * @param count how many are missing, as far as it is known
 * @param bytes how many bytes they had
 * @param unknown whether further ones may be missing, after a lost connection
 */
public record Gap(long count, long bytes, boolean unknown) {}
