//! A server that works is restarted, or leaves, only where the others have the
//! majority without it.

use std::time::Duration;

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, Event, host::Facts};

use super::{
    desired::{Desired, shown},
    entry::whole,
};
use crate::{kind::connect::Connections, phase::wait::pause};

/// How long another server may take to become whole again.
const LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_secs(1);

/// Waits until the others have the majority.
pub(super) async fn hold(
    connections: &Connections,
    context: &CallContext,
    desired: &Desired,
    own: &Facts,
) -> Result<(), Fault> {
    if !whole(own) {
        return Ok(());
    }
    let started = tokio::time::Instant::now();
    loop {
        let (mut members, mut others) = (1, 0);
        for peer in desired.peers() {
            match connections.fresh_facts(context, &peer.target).await {
                Ok(facts) => {
                    members += usize::from(facts.k3s.has_etcd_data);
                    others += usize::from(whole(&facts));
                }
                Err(fault) if fault.class == FaultClass::Canceled => return Err(fault),
                Err(_) => members += 1,
            }
        }
        if others * 2 > members || members == 1 {
            return Ok(());
        }
        if members == 2 && others == 1 {
            let message = "of two servers neither may be away: the API pauses while this one restarts";
            context.progress.tell(Event::Notice { message: message.to_owned() });
            return Ok(());
        }
        let name = shown(&context.address);
        let text =
            format!("without {name} {others} of {members} etcd members would be left, which is no majority");
        if started.elapsed() > LIMIT {
            return Err(Fault::new(FaultClass::Conflict, "HNY0843", text)
                .with_help("mend the other servers first (`honey node list`), then `honey apply --resume`"));
        }
        pause(context, &format!("waiting: {text}"), POLL).await?;
    }
}
