//! The commands but `demo` and `bench`, one file or folder each, and what they share: the connection, the payload, the
//! look at who else is on a port.

pub(crate) mod check_config;
pub(crate) mod completions;
pub(crate) mod connection;
pub(crate) mod doctor;
pub(crate) mod manual;
pub(crate) mod payload;
mod probe;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod services;
mod standing;
pub(crate) mod subscribe;
pub(crate) mod tap;
