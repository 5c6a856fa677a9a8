//! Wall clock and sleep.

use crate::{Context, Fault, host};

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    host::now_ms()
}

/// Sleeps; a fault when the operator wants to stop.
pub fn sleep(ctx: Context, ms: u32) -> Result<(), Fault> {
    ctx.check_canceled()?;
    host::sleep_ms(ms);
    ctx.check_canceled()
}
