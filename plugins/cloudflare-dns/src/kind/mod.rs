//! The kinds, one a file.

mod origin_certificate;
mod record_set;
mod zone_settings;

pub use origin_certificate::OriginCertificate;
pub use record_set::RecordSet;
pub(crate) use record_set::{MARK_LIMIT, Unsure, not_ours, ownership, repeat_when_unsure};
pub use zone_settings::ZoneSettings;
