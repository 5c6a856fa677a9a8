//! Switching a VPS on and off.

use honey_sdk::{
    Context, Fault,
    capability::{Power, PowerState},
};

use crate::{Ovh, service::gone};

impl Power for Ovh {
    fn get(&self, _ctx: Context, id: &str) -> Result<PowerState, Fault> {
        let service = self.api.service(id)?.ok_or_else(|| gone(id))?;
        Ok(match service.state.as_str() {
            "running" | "rescued" => PowerState::On,
            "stopped" => PowerState::Off,
            _ => PowerState::Changing,
        })
    }

    fn set(&self, ctx: Context, id: &str, on: bool) -> Result<PowerState, Fault> {
        let (wanted, verb, state) =
            if on { (PowerState::On, "start", "running") } else { (PowerState::Off, "stop", "stopped") };
        if self.get(ctx, id)? != wanted {
            match self.api.start_task(id, verb) {
                Ok(task) => self.api.settle(ctx, id, Some(task), state)?,
                // Refused as done already: an earlier call whose answer was lost
                // is under way, and what the service reads is not there yet.
                Err(fault) if fault.is("invalid") || fault.is("conflict") => {
                    self.api.settle(ctx, id, None, state).map_err(|_| fault)?;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(wanted)
    }

    fn reboot(&self, ctx: Context, id: &str) -> Result<(), Fault> {
        let task = self.api.start_task(id, "reboot")?;
        self.api.settle(ctx, id, Some(task), "running")
    }
}
