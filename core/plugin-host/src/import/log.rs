//! Log lines of a guest: bounded, escaped, passed on with the plugin's name.

use crate::{
    bindings::honey::plugin::log::{Host, Level},
    call::CallState,
};

/// Fields of a line that are kept.
const FIELDS: usize = 16;

impl Host for CallState {
    async fn emit(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        let mut line = honey_model::text::visible(&message, 1000);
        for (name, value) in fields.iter().take(FIELDS) {
            line.extend([
                " ",
                &honey_model::text::visible(name, 40),
                "=",
                &honey_model::text::visible(value, 200),
            ]);
        }
        self.log(level, &line);
        Ok(())
    }
}
