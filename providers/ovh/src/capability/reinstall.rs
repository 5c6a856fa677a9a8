//! A fresh disk for a VPS that keeps its addresses.

use honey_sdk::{Context, Fault, Value, capability::Reinstall};

use crate::{Ovh, service::Key};

impl Reinstall for Ovh {
    fn reinstall(&self, ctx: Context, id: &str, options: Value) -> Result<(), Fault> {
        let text = |pointer: &str| options.pointer(pointer).and_then(Value::as_str);
        let Some(image) = text("/image") else {
            return Err(Fault::invalid("ovh::no-image", "a reinstall needs an image"));
        };
        let key = text("/public_key").map(Key::Text).or(text("/ssh_keys/0").map(Key::Named));
        if key.is_none() {
            return Err(Fault::invalid(
                "ovh::no-ssh-key",
                "without an ssh key the vendor mails a password, which honey will not use",
            ));
        }
        ctx.progress(&format!("putting {image} on {id}"));
        let task = self.api.rebuild(id, image, key)?;
        self.api.settle(ctx, id, Some(task), "running")
    }
}
