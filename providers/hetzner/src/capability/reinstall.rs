//! A fresh disk for a server that keeps its addresses.

use honey_sdk::{Context, Fault, Value, capability::Reinstall, json};

use crate::Hetzner;

impl Reinstall for Hetzner {
    fn reinstall(&self, ctx: Context, id: &str, options: Value) -> Result<(), Fault> {
        let Some(image) = options.get("image").and_then(Value::as_str) else {
            return Err(Fault::invalid("hetzner::no-image", "a reinstall needs an image"));
        };
        ctx.progress(&format!("putting {image} on server {id}"));
        self.api.act(ctx, &format!("/servers/{id}/actions/rebuild"), &json!({"image": image}))
    }
}
