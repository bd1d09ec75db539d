//! Checks on the repository itself: what a reviewer should not have to look for.
//!
//! Each check is a function from data to [`Finding`]s, so that its unit tests can show it a bad sample; the test
//! `tests/repository.rs` shows it this repository. Nothing here is shipped, and no product crate depends on it.
//!
//! - [`Graph`] is the dependency tree as cargo resolves it; [`Policy`] is `deny.toml` over it.
//! - [`layers`] holds the dependency rule between the crates, and what the pure crates may not even reach.
//! - [`purity`] reads the source of the pure crates for sockets, clocks, threads, locks and random seeds.
//! - [`tidiness`] and [`links`] read the files as text.

pub mod files;
pub mod layers;
pub mod links;
pub mod purity;
pub mod tidiness;

mod finding;
mod graph;
mod policy;

pub use finding::Finding;
pub use graph::{Dependency, Graph, Package};
pub use policy::{Policy, PolicyError};
