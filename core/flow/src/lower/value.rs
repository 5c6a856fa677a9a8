//! `[values]`: plain named values.

use serde_json::json;

use super::{Lowering, checked_address, resource, template::fill};
use crate::kind::DRIVER;

impl Lowering<'_> {
    pub(super) fn values(&mut self) {
        let config = self.input.config;
        for (name, value) in &config.values {
            let origin = format!("values.{name}");
            let lowered = (|| {
                let input = fill(config, &value.input, &origin)?;
                let address = checked_address(&["values", name], &origin)?;
                let mut lowered = resource(address, "value", DRIVER, json!({ "input": input }), &origin);
                for earlier in &value.after {
                    lowered.after.push(checked_address(&["values", earlier], &origin)?);
                }
                Ok(lowered)
            })();
            match lowered {
                Ok(lowered) => self.add(lowered),
                Err(problem) => self.problems.push(problem),
            }
        }
    }
}
