//! A cache of the plugin's own, for this run only. Never state.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Fault, host, read, tree};

/// A value kept earlier in this run.
pub fn get<T: DeserializeOwned>(key: &str) -> Option<T> {
    let kept = tree::parse(&host::cache_get(key)?)?;
    read::typed(&kept).ok()
}

/// Keeps a value for this run.
pub fn set(key: &str, value: &impl Serialize) {
    host::cache_set(key, tree::text(&tree::of(value)).as_bytes());
}

/// The kept value, or the one that `make` returns, which is then kept.
pub fn remember<T: Serialize + DeserializeOwned>(
    key: &str,
    make: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    if let Some(kept) = get(key) {
        return Ok(kept);
    }
    let made = make()?;
    set(key, &made);
    Ok(made)
}
