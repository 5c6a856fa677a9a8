//! Randomness for names and generated secrets.

use honey_model::{Fault, FaultClass};

/// Random bytes of the operating system.
pub(crate) fn bytes(count: usize) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|error| {
        Fault::new(
            FaultClass::Internal,
            "HNY0708",
            format!("the operating system gave no randomness: {error}"),
        )
    })?;
    Ok(bytes)
}

/// Hex text of so many random bytes.
pub(crate) fn token(count: usize) -> Result<String, Fault> {
    bytes(count).map(hex::encode)
}

/// A new lineage for a project's state.
pub fn lineage() -> Result<String, Fault> {
    token(16)
}
