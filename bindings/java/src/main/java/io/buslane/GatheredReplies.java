package io.buslane;

import java.util.List;

/**
 * How a request to several instances ended.
 *
 * @param replies what each instance answered, in the order in which the answers came; never null
 * @param expected how many instances were asked
 * @param replied how many replied
 * @param failed how many failed, were lost or did not answer in time
 */
public record GatheredReplies(List<Gathered> replies, int expected, int replied, int failed) {}
