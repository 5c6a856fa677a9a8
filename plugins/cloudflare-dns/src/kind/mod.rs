//! The kinds, one a file.

mod record_set;
mod zone_settings;

pub use record_set::RecordSet;
pub(crate) use record_set::{Unsure, repeat_when_unsure};
pub use zone_settings::ZoneSettings;
