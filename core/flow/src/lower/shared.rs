//! `[shared]`: plugin resources that all instances use.

use honey_model::Lifecycle;

use super::{Lowering, checked_address, object, resource, template::fill};

impl Lowering<'_> {
    pub(super) fn shared(&mut self) {
        let config = self.input.config;
        for (name, wanted) in &config.shared {
            let origin = format!("shared.{name}");
            let lowered = (|| {
                let settings = fill(config, &object(&wanted.settings), &format!("{origin}.settings"))?;
                let address = checked_address(&["shared", &wanted.kind, name], &origin)?;
                let mut lowered = resource(address, &wanted.kind, &wanted.plugin, settings, &origin);
                lowered.lifecycle =
                    Lifecycle { protect: wanted.protect, adopt: wanted.adopt, ..Lifecycle::default() };
                Ok(lowered)
            })();
            match lowered {
                Ok(lowered) => self.add(lowered),
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}
