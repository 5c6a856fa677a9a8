//! Switching servers on and off.

use honey_sdk::{
    Context, Fault, Value,
    capability::{Power, PowerState},
    poll::{self, Look, Pace},
};

use crate::{Hetzner, kind::server::SERVERS};

/// How long an operating system may take to shut down before it is cut off.
const SHUTDOWN_MS: u64 = 60_000;

fn state(plugin: &Hetzner, ctx: Context, id: &str) -> Result<PowerState, Fault> {
    Ok(match plugin.api.get(ctx, &SERVERS, id)?.text("status").as_str() {
        "running" => PowerState::On,
        "off" => PowerState::Off,
        _ => PowerState::Changing,
    })
}

fn name(state: PowerState) -> &'static str {
    match state {
        PowerState::On => "on",
        PowerState::Off => "off",
        PowerState::Changing => "changing",
    }
}

/// Looks until the state is this one, or the time is over.
fn becomes(
    plugin: &Hetzner,
    ctx: Context,
    id: &str,
    wanted: PowerState,
    budget_ms: u64,
) -> Result<bool, Fault> {
    let pace = Pace { budget_ms, ..Pace::default() };
    let reached = poll::until(ctx, pace, || {
        let now = state(plugin, ctx, id)?;
        Ok(if now == wanted {
            Look::Ready(())
        } else {
            Look::Waiting(format!("server {id} is {now:?}"), None)
        })
    })?;
    Ok(reached.is_some())
}

impl Power for Hetzner {
    fn get(&self, ctx: Context, id: &str) -> Result<PowerState, Fault> {
        state(self, ctx, id)
    }

    fn set(&self, ctx: Context, id: &str, on: bool) -> Result<PowerState, Fault> {
        let wanted = if on { PowerState::On } else { PowerState::Off };
        let now = state(self, ctx, id)?;
        if now == wanted {
            return Ok(now);
        }
        let act = |verb: &str| self.api.act(ctx, &format!("/servers/{id}/actions/{verb}"), &Value::Null);
        if on {
            act("poweron")?;
        } else {
            // The action only tells that the wish was passed on.
            act("shutdown")?;
            if !becomes(self, ctx, id, wanted, SHUTDOWN_MS)? {
                ctx.progress(&format!("server {id} does not shut down: switching it off"));
                act("poweroff")?;
            }
        }
        if becomes(self, ctx, id, wanted, SHUTDOWN_MS)? {
            return Ok(wanted);
        }
        Err(Fault::timeout(format!("server {id} is not {} yet", name(wanted))))
    }

    fn reboot(&self, ctx: Context, id: &str) -> Result<(), Fault> {
        self.api.act(ctx, &format!("/servers/{id}/actions/reboot"), &Value::Null)
    }
}
