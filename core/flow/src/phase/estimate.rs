//! What a plan's new objects will cost, asked of the plugins that can say.
//! Looks only; a vendor that does not answer makes no plan fail.

use std::collections::BTreeMap;

use honey_plan::{Action, Operation, Plan};
use honey_ports::capability::Price;
use serde_json::Value;

use crate::Session;

/// Equal things that cost the same.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Cost {
    /// How many.
    pub count: u64,
    /// What: `machine (cx22)`.
    pub what: String,
    /// For one of them.
    pub price: Price,
}

/// Prices of what is created or replaced.
pub async fn costs(session: &Session, plan: &Plan) -> Vec<Cost> {
    let mut alike: BTreeMap<(String, String, String), (u64, &Operation)> = BTreeMap::new();
    let made = plan.operations.iter().filter(|one| matches!(one.action, Action::Create | Action::Replace));
    for operation in made {
        let Some(plugin) = session.ports.capabilities.get(&operation.driver) else { continue };
        if plugin.supports("prices") {
            let key = (operation.driver.clone(), operation.kind.clone(), without_name(operation));
            alike.entry(key).or_insert((0, operation)).0 += 1;
        }
    }
    let mut costs = Vec::new();
    for ((driver, kind, _), (count, operation)) in alike {
        let (Some(plugin), Some(desired)) = (session.ports.capabilities.get(&driver), &operation.desired)
        else {
            continue;
        };
        let context = session.reading(&operation.address);
        // References are not known yet; a price does not depend on them.
        let known = honey_model::value::resolve(desired, &|_| None).value;
        if let Ok(Some(price)) = plugin.price(&context, &kind, &known).await {
            let size = ["size", "plan"].iter().find_map(|name| desired.get(name).and_then(Value::as_str));
            let what = size.map_or_else(|| kind.clone(), |size| format!("{kind} ({size})"));
            costs.push(Cost { count, what, price });
        }
    }
    costs
}

fn without_name(operation: &Operation) -> String {
    let mut desired = operation.desired.clone().unwrap_or_default();
    if let Some(fields) = desired.as_object_mut() {
        fields.remove("name");
    }
    desired.to_string()
}
