//! Everything that has a limit, over it.
