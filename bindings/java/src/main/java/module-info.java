/** The Java SDK of Buslane: join a bus, offer methods, call, publish and listen. */
module io.buslane {
  requires static com.fasterxml.jackson.databind;

  exports io.buslane;
}
