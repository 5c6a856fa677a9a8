//! Ctrl-C: the first asks running work to finish or record what is in flight,
//! the second leaves at once. Either way the journal says where to go on.

use honey_ports::call::Cancel;
use honey_ui::Output;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Exit;

/// Watches in the background for as long as the runtime lives.
pub(crate) fn watch(cancel: Cancel, output: Output) {
    let (Ok(interrupt), Ok(terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        let mut signals = (interrupt, terminate);
        next(&mut signals).await;
        cancel.cancel();
        output.message("\nstopping: what is in flight is finished or recorded; once more leaves at once");
        next(&mut signals).await;
        output.message("\nleft at once; `honey apply --resume` looks up what was in flight and goes on");
        std::process::exit(i32::from(Exit::Stopped as u8));
    });
}

async fn next((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
