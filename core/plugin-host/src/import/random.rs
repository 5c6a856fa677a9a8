//! Random bytes.

use crate::{bindings::honey::plugin::random::Host, call::CallState};

const MOST: usize = 4096;

impl Host for CallState {
    async fn bytes(&mut self, len: u32) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = vec![0; (len as usize).min(MOST)];
        getrandom::fill(&mut bytes).map_err(|error| wasmtime::Error::msg(error.to_string()))?;
        Ok(bytes)
    }
}
