//! The runtime's configuration and the clock that ends endless loops.

use std::{sync::Once, time::Duration};

use wasmtime::{Config, Engine};

/// How often running guests are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// An engine and its ticker, started with the first call.
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    ticker: Once,
}

impl Runtime {
    pub(crate) fn new() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.wasm_component_model(true).epoch_interruption(true).max_wasm_stack(1 << 20);
        Ok(Self { engine: Engine::new(&config)?, ticker: Once::new() })
    }

    /// Starts the ticker unless it runs. It ends when the engine is gone.
    pub(crate) fn start_ticker(&self) {
        self.ticker.call_once(|| {
            let engine = self.engine.weak();
            let tick = move || {
                while let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            };
            if let Err(error) = std::thread::Builder::new().name("plugin-ticker".to_owned()).spawn(tick) {
                tracing::error!("plugins run without a CPU limit: {error}");
            }
        });
    }
}
