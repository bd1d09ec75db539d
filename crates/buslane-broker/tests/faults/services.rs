//! Services and callers that die with something in flight.
