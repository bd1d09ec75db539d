/** The example programs, as a module: they see of the SDK what it exports. */
module io.buslane.examples {
  requires io.buslane;
  requires com.fasterxml.jackson.databind;

  opens io.buslane.examples to
      com.fasterxml.jackson.databind;
}
