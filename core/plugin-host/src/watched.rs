//! WASI that notes what is reached: for rehearsals. It grants no more than the
//! empty one.

use std::{
    sync::PoisonError,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use crate::host::Reached;

fn note(reached: &Reached, what: &'static str) {
    reached.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
}

/// Puts clocks that note their use into an empty context, and a guard of
/// sockets that notes and refuses.
pub(crate) fn watch(context: &mut WasiCtxBuilder, reached: &Reached) {
    context.wall_clock(Wall(reached.clone()));
    context.monotonic_clock(Monotonic(reached.clone(), Instant::now()));
    let sockets = reached.clone();
    context.allow_tcp(true).allow_udp(true).socket_addr_check(move |_, _| {
        note(&sockets, "wasi:sockets");
        Box::pin(async { false })
    });
}

struct Wall(Reached);

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        note(&self.0, "wasi:clocks/wall-clock");
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

struct Monotonic(Reached, Instant);

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        note(&self.0, "wasi:clocks/monotonic-clock");
        u64::try_from(self.1.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
