/**
 * The Java SDK of Buslane: join a bus, offer methods, call, publish and listen. Begin with {@link io.buslane.Buslane}.
 *
 * <p>Unless a description says otherwise, nothing here takes or returns null.
 */
package io.buslane;
