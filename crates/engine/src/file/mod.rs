//! Files of linked records: listing, downloading and uploading them for the host, and which of them are the same on
//! several sides. Carrying them is a stage of a run.

mod known;
mod pair;
mod reader;
mod service;

pub use reader::ReadBody;
pub use service::{Files, OpenedFile};

pub(crate) use known::{EntityFiles, FileHint, forget};
pub(crate) use pair::{Listed, compare};
