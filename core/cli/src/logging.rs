//! Logs on standard error, by `-v` or `HONEY_LOG`.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::context::Context;

/// Installs the subscriber. `HONEY_LOG` takes tracing's filter words, as in `honey_engine=debug`.
pub(crate) fn install(context: &Context) {
    let level = match context.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let asked = std::env::var("HONEY_LOG").ok().filter(|filter| !filter.is_empty());
    if asked.is_none() && context.verbose == 0 {
        // Warnings of other libraries are not for operators; honey tells its own as findings.
        return;
    }
    let own = format!("{level},hyper=info,rustls=info,wasmtime=info,cranelift=info,reqwest=info,h2=info");
    let filter =
        asked.and_then(|filter| EnvFilter::try_new(filter).ok()).unwrap_or_else(|| EnvFilter::new(own));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(context.output.stderr.color)
        .without_time()
        .try_init();
}
