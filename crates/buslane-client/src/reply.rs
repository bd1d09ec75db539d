//! The answer to a request.

use crate::parcel::{Parcel, parcel_accessors};

/// The answer to a request, or one part of a streamed or gathered one. Cloning shares what it carries.
#[derive(Clone)]
pub struct Reply {
    parcel: Parcel,
}

impl Reply {
    pub(crate) fn new(parcel: Parcel) -> Reply {
        Reply { parcel }
    }

    parcel_accessors!("reply");
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reply")
            .field("from", &self.from())
            .field("payload", &self.payload())
            .finish_non_exhaustive()
    }
}
