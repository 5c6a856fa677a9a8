//! When honey itself fails: where, never with what. A message could hold a
//! value that nobody may see, so only the place in the source is told.

use std::io::Write as _;

/// Installs the hook.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr().lock(),
            "HNY0001: honey itself failed{place} (version {})\n  \
             help: state and journal are as after the last recorded operation; `honey apply --resume` goes on.\n  \
             `honey explain HNY0001` says more.",
            env!("CARGO_PKG_VERSION"),
        );
    }));
}
