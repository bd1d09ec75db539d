//! Sessions and an engine joined by byte pipes under a fake clock: what one half promises, seen from the other.

mod answering;
mod cutting;
mod network;
mod publishing;
mod registering;
mod requesting;
mod schema;
mod streaming;
mod subscribing;
mod wire;
