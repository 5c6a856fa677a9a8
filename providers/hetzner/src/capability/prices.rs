//! What a server costs, from the vendor's list.

use honey_sdk::{
    Context, Fault, Value, cache,
    capability::{Cost, Prices},
};

use crate::Hetzner;

impl Prices for Hetzner {
    fn price(&self, _ctx: Context, kind: &str, desired: Value) -> Result<Option<Cost>, Fault> {
        if !matches!(kind, "machine" | "primary-ip") {
            return Ok(None);
        }
        let list: Value = cache::remember("pricing", || self.api.client.get("/pricing").json())?;
        let list = &list["pricing"];
        Ok(if kind == "machine" { cost(list, &desired) } else { cost_of_address(list, &desired) })
    }
}

fn cost(list: &Value, desired: &Value) -> Option<Cost> {
    let size = desired["size"].as_str()?;
    let region = desired["region"].as_str();
    let server = monthly(list["server_types"].as_array()?, |entry| entry["name"] == size, region)?;
    let mut note = "net, without VAT and traffic beyond what is included".to_owned();
    let mut amount = server;
    // An address of its own is a resource of its own in the plan.
    if desired["ipv4"] != false && desired.get("primary_ipv4").is_none() {
        match list["primary_ips"]
            .as_array()
            .and_then(|list| monthly(list, |entry| entry["type"] == "ipv4", region))
        {
            Some(address) => amount = amount.checked_add(address)?,
            None => note.push_str("; the IPv4 address is not counted"),
        }
    }
    if region.is_none() {
        note.push_str("; of the first location on the list");
    }
    a_month(list, amount, note)
}

fn cost_of_address(list: &Value, desired: &Value) -> Option<Cost> {
    let entries = list["primary_ips"].as_array()?;
    let amount = monthly(entries, |entry| entry["type"] == desired["type"], desired["region"].as_str())?;
    a_month(list, amount, "net, without VAT".to_owned())
}

fn a_month(list: &Value, amount_micros: u64, note: String) -> Option<Cost> {
    let currency = list["currency"].as_str()?.to_owned();
    Some(Cost { amount_micros, currency, per: "month".to_owned(), note })
}

/// The net price a month of the first entry that matches, in millionths.
fn monthly(list: &[Value], matches: impl Fn(&Value) -> bool, region: Option<&str>) -> Option<u64> {
    let prices = list.iter().find(|entry| matches(entry))?["prices"].as_array()?;
    let price = prices.iter().find(|price| region.is_none_or(|region| price["location"] == region))?;
    micros(price["price_monthly"]["net"].as_str()?)
}

/// A decimal in millionths, rounded up. None for what is no plain decimal.
fn micros(decimal: &str) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction));
    let rest = fraction.get(6..).unwrap_or("").bytes().any(|byte| byte != b'0');
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(kept.parse().ok()?)?
        .checked_add(u64::from(rest))
}

#[cfg(test)]
mod tests {
    use honey_sdk::json;

    use super::*;

    #[test]
    fn decimals_are_exact_and_nothing_else_is_a_price() {
        assert_eq!(micros("3.7900000000"), Some(3_790_000));
        assert_eq!(micros("0.0000001"), Some(1));
        assert_eq!(micros("4"), Some(4_000_000));
        for bad in ["", ".5", "NaN", "-1", "1e3", "1,5", "99999999999999999999"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_address_is_part_of_the_price() {
        let prices = |net: &str| json!([{"location": "fsn1", "price_monthly": {"net": "9"}}, {"location": "nbg1", "price_monthly": {"net": net}}]);
        let list = json!({"currency": "EUR",
            "server_types": [{"name": "cx22", "prices": prices("3.29")}],
            "primary_ips": [{"type": "ipv6", "prices": []}, {"type": "ipv4", "prices": prices("0.5")}]});
        let with = cost(&list, &json!({"size": "cx22", "region": "nbg1"})).expect("on the list");
        assert_eq!((with.amount_micros, with.currency.as_str()), (3_790_000, "EUR"));
        let without =
            cost(&list, &json!({"size": "cx22", "region": "nbg1", "ipv4": false})).expect("on the list");
        assert_eq!(without.amount_micros, 3_290_000);
        assert!(cost(&list, &json!({"size": "cx99"})).is_none());
    }
}
