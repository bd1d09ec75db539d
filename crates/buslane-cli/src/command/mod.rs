//! The commands that use a bus, one file each, and what they share: the connection and the payload.

pub(crate) mod connection;
pub(crate) mod doctor;
pub(crate) mod payload;
mod probe;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod serve;
pub(crate) mod services;
mod standing;
pub(crate) mod subscribe;
pub(crate) mod tap;
