//! A fresh disk for a server that keeps its addresses.

use honey_sdk::{Context, Fault, Value, capability::Reinstall, json};

use crate::{Hetzner, api};

impl Reinstall for Hetzner {
    fn reinstall(&self, ctx: Context, id: &str, options: Value) -> Result<(), Fault> {
        let Some(image) = options.get("image").and_then(Value::as_str) else {
            return Err(Fault::invalid("hetzner::no-image", "a reinstall needs an image"));
        };
        ctx.progress(&format!("putting {image} on server {id}"));
        let answer: Value = self
            .api
            .client
            .post(&format!("/servers/{id}/actions/rebuild"))
            .body(&json!({"image": image}))
            // Only servers without an ssh key get one; nobody but the operator shall see it.
            .capture("/root_password", &format!("server-{id}.root-password"))
            .json()?;
        self.api.wait(ctx, api::actions_of(&answer)?)
    }
}
