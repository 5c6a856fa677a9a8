//! A server that was given up stays down: stopped where it answers after all,
//! switched off where its vendor can, else on the operator's word.

use honey_model::{Fault, FaultClass};
use honey_ports::{capability::PowerState, etcd::EtcdStep, host::Step};

use super::look;
use crate::{Session, action::node::power_control, phase::servers::Server};

/// A server that was given up must not come back by itself while this goes on.
pub(super) async fn fence(session: &Session, instance: &str, server: &Server) -> Result<String, Fault> {
    let context = session.reading(&server.machine_address(instance));
    if look(session, &context, server).await.is_ok() {
        session.own.connections.run(&context, &server.target, &[Step::Etcd(EtcdStep::Stop)]).await?;
        return Ok("it answers over ssh after all: k3s was stopped".to_owned());
    }
    let Some(plugin) = power_control(session, instance) else {
        return Ok("the operator said that it is dead; its vendor has no power control".to_owned());
    };
    match plugin.set_power(&context, &server.machine_id, false).await {
        Ok(_) => {}
        Err(fault) if fault.class == FaultClass::NotFound => {
            return Ok("its vendor knows no such machine any more".to_owned());
        }
        Err(fault) => return Err(fault),
    }
    match plugin.power(&context, &server.machine_id).await? {
        PowerState::Off => Ok("its vendor says that it is switched off".to_owned()),
        state => {
            let text = format!("{} was told to switch off, and is {state:?}", server.name);
            Err(Fault::new(FaultClass::Conflict, "HNY0853", text)
                .with_help("wait, or switch it off by hand, and run the same command again"))
        }
    }
}
