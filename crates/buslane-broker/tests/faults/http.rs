//! HTTP that is broken, too large or too much.
