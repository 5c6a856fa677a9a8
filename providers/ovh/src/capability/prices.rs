//! What an order costs, from the vendor's catalogue.

use honey_sdk::{
    Context, Fault, Value, cache,
    capability::{Cost, Prices},
};

use crate::{Ovh, order::micros};

impl Prices for Ovh {
    fn price(&self, _ctx: Context, kind: &str, desired: Value) -> Result<Option<Cost>, Fault> {
        // A service that is named is paid for already.
        let Some(plan) = desired.pointer("/order/plan").and_then(Value::as_str) else { return Ok(None) };
        if kind != "machine" || desired.get("service").is_some_and(Value::is_string) {
            return Ok(None);
        }
        let subsidiary = self.api.subsidiary()?;
        let catalogue: Value = cache::remember("catalogue", || {
            self.api.open("GET", "/order/catalog/public/vps").query("ovhSubsidiary", subsidiary).json()
        })?;
        Ok(cost(&catalogue, plan))
    }
}

fn cost(catalogue: &Value, plan: &str) -> Option<Cost> {
    let plan = catalogue["plans"].as_array()?.iter().find(|found| found["planCode"] == plan)?;
    let monthly = plan["pricings"].as_array()?.iter().find(|price| {
        let renews = price["capacities"].as_array().is_some_and(|list| list.iter().any(|one| one == "renew"));
        renews && price["mode"] == "default" && price["intervalUnit"] == "month" && price["interval"] == 1
    })?;
    Some(Cost {
        amount_micros: micros(monthly["price"].as_u64()?),
        currency: catalogue.pointer("/locale/currencyCode")?.as_str()?.to_owned(),
        per: "month".to_owned(),
        note: "without tax, options and set-up fees".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use honey_sdk::json;

    use super::*;

    #[test]
    fn the_price_is_the_one_that_renews_each_month() {
        let catalogue = json!({"locale": {"currencyCode": "USD"}, "plans": [{"planCode": "vps-2025-model1", "pricings": [
            {"mode": "default", "capacities": ["installation"], "intervalUnit": "none", "interval": 0, "price": 0},
            {"mode": "upfront12", "capacities": ["renew"], "intervalUnit": "month", "interval": 12, "price": 7_000_000_000_u64},
            {"mode": "default", "capacities": ["renew"], "intervalUnit": "month", "interval": 1, "price": 646_000_000},
        ]}]});
        let found = cost(&catalogue, "vps-2025-model1").expect("in the catalogue");
        assert_eq!((found.amount_micros, found.currency.as_str()), (6_460_000, "USD"));
        assert!(cost(&catalogue, "vps-other").is_none());
    }
}
