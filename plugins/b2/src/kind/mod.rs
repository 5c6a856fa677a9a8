//! The kinds, one a file.

mod bucket;
mod bucket_key;

pub use bucket::Bucket;
pub use bucket_key::BucketKey;
