//! Buying a VPS. Only with explicit consent to a price, and never twice: what
//! was reached is checkpointed before each step that costs money.

use honey_sdk::{
    Context, Fault, Outcome, Value, clock, json, log, pending,
    poll::{self, Look, Pace},
};
use serde::{Deserialize, Serialize};

use crate::api::Api;

/// Consent to buy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Order {
    /// Plan code, e.g. `vps-2025-model1`.
    pub(crate) plan: String,
    /// E.g. `WAW`.
    datacenter: String,
    /// E.g. `Debian 13`.
    pub(crate) os: String,
    /// The most that the first bill may be, taxes included: `6.46 USD`.
    pub(crate) accept_price: Option<String>,
    /// `P1M` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    /// `default` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_mode: Option<String>,
    /// Give up the right to withdraw, so that delivery begins at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    waive_withdrawal: Option<bool>,
}

/// How far buying has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    cart: String,
    /// When checkout was about to be asked for, in the vendor's seconds.
    since: Option<i64>,
    order: Option<u64>,
    paid: bool,
}

/// An amount in millionths of a currency.
#[derive(Debug, PartialEq, Eq)]
struct Money {
    micros: u64,
    currency: String,
}

impl Money {
    /// `6.46 USD`. Nothing but a plain decimal and a currency code.
    fn parse(text: &str) -> Option<Self> {
        let (amount, currency) = text.trim().split_once(' ')?;
        let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let currency = currency.trim();
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) || !is_code {
            return None;
        }
        let micros = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
        Some(Self {
            micros: micros.checked_add(format!("{fraction:0<6}").parse().ok()?)?,
            currency: currency.to_owned(),
        })
    }
}

/// The vendor counts in hundred-millionths.
pub(crate) fn micros(ucents: u64) -> u64 {
    ucents.div_ceil(100)
}

impl Order {
    /// What is wrong with it: field and words.
    pub(crate) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.plan.is_empty() || self.datacenter.is_empty() || self.os.is_empty() {
            return Some(("ovh::incomplete-order", "an order needs plan, datacenter and os"));
        }
        match &self.accept_price {
            None => Some((
                "ovh::no-consent",
                "an order needs `accept_price`: the most that the first bill may be, taxes included, e.g. \"6.46 USD\"",
            )),
            Some(price) if Money::parse(price).is_none() => {
                Some(("ovh::bad-price", "`accept_price` is an amount and a currency, e.g. \"6.46 USD\""))
            }
            Some(_) => None,
        }
    }
}

/// Buys one and waits for it: the service's name, or pending.
pub(crate) fn buy(
    api: &Api,
    ctx: Context,
    order: &Order,
    resume: Option<Progress>,
) -> Result<Outcome<String>, Fault> {
    let mut progress = resume.unwrap_or_default();
    if progress.order.is_none() {
        progress = match progress.since {
            // Whether the vendor took the order is not known: never ask twice.
            Some(since) => match recover(api, progress.cart, since)? {
                Some(made) => made,
                None => checkout(api, ctx, order)?,
            },
            None => checkout(api, ctx, order)?,
        };
        ctx.checkpoint("", &progress);
    }
    let Some(number) = progress.order else { return Err(Fault::internal("an order without a number")) };
    let delivered =
        poll::until(ctx, Pace { first_ms: 2_000, longest_ms: 15_000, ..Pace::default() }, || {
            let status: String = api.get(&format!("/me/order/{number}/status"))?.json()?;
            match status.as_str() {
                "delivered" => return Ok(Look::Ready(())),
                "cancelled" | "cancelling" => {
                    return Err(Fault::conflict(
                        "ovh::order-cancelled",
                        format!("the vendor cancelled order {number}"),
                    ));
                }
                "notPaid" if !progress.paid => {
                    pay(api, number)?;
                    progress.paid = true;
                    ctx.checkpoint("", &progress);
                }
                _ => {}
            }
            Ok(Look::Waiting(format!("order {number} is {status}"), None))
        })?;
    if delivered.is_none() {
        return Ok(pending(&progress, 60_000, format!("order {number} is not delivered yet")));
    }
    match delivered_service(api, number, &order.plan)? {
        Some(service) => Ok(Outcome::Done(service)),
        None => Ok(pending(&progress, 60_000, format!("the service of order {number} has no name yet"))),
    }
}

/// Fills a cart, compares the price with the consent, and buys.
fn checkout(api: &Api, ctx: Context, order: &Order) -> Result<Progress, Fault> {
    ctx.progress(&format!("filling a cart with {}", order.plan));
    let subsidiary = api.subsidiary()?;
    // The cart's own routes fail when they are signed.
    let cart: Value = api.open("POST", "/order/cart").body(&json!({"ovhSubsidiary": subsidiary})).json()?;
    let cart = text(&cart, "/cartId")?;
    let path = format!("/order/cart/{cart}");
    api.post(&format!("{path}/assign"), &Value::Null)?.send()?;
    let item: Value = api
        .open("POST", &format!("{path}/vps"))
        .body(&json!({
            "planCode": order.plan,
            "duration": order.duration.as_deref().unwrap_or("P1M"),
            "pricingMode": order.pricing_mode.as_deref().unwrap_or("default"),
            "quantity": 1,
        }))
        .json()?;
    let item = item["itemId"].as_u64().ok_or_else(|| Fault::malformed("a cart item without a number"))?;
    let item = format!("{path}/item/{item}");
    let required: Vec<Value> = api.open("GET", &format!("{item}/requiredConfiguration")).json()?;
    for label in
        required.iter().filter(|field| field["required"] == true).filter_map(|field| field["label"].as_str())
    {
        let value = match label {
            "vps_datacenter" => &order.datacenter,
            "vps_os" => &order.os,
            other => {
                return Err(Fault::unsupported(
                    "ovh::unknown-option",
                    format!("plan {} needs `{other}`, which honey does not know", order.plan),
                ));
            }
        };
        let body = json!({"label": label, "value": value});
        api.open("POST", &format!("{item}/configuration")).body(&body).send()?;
    }
    let preview: Value = api.get(&format!("{path}/checkout"))?.json()?;
    agree(order, &preview)?;
    let since = api.vendor_seconds()?;
    let mut progress = Progress { cart, since: Some(since), ..Progress::default() };
    ctx.checkpoint("", &progress);
    ctx.progress(&format!("buying {}", order.plan));
    let bought: Value = api
        .post(
            &format!("{path}/checkout"),
            &json!({
                "autoPayWithPreferredPaymentMethod": true,
                "waiveRetractationPeriod": order.waive_withdrawal.unwrap_or(false),
            }),
        )?
        .json()?;
    progress.order =
        Some(bought["orderId"].as_u64().ok_or_else(|| Fault::malformed("an order without a number"))?);
    Ok(progress)
}

/// The price that the vendor is about to ask must be one the operator accepted.
fn agree(order: &Order, preview: &Value) -> Result<(), Fault> {
    let price = preview.pointer("/prices/withTax").unwrap_or(&Value::Null);
    let asked = price["text"].as_str().unwrap_or("an unknown price");
    let refuse = |why: &str| {
        Err(Fault::new(
            "forbidden",
            "ovh::price-not-accepted",
            format!("{} costs {asked} now, taxes included: {why}", order.plan),
        )
        .with_help("put the price you accept into `order.accept_price`; nothing was bought"))
    };
    let micros = price["priceInUcents"].as_u64().map(micros).or_else(|| {
        let value = price["value"].as_number()?.to_string();
        Money::parse(&format!("{value} {}", price["currencyCode"].as_str()?)).map(|money| money.micros)
    });
    let (Some(micros), Some(currency)) = (micros, price["currencyCode"].as_str()) else {
        return refuse("the vendor's price could not be read");
    };
    match order.accept_price.as_deref().and_then(Money::parse) {
        None => refuse("you have accepted no price"),
        Some(accepted) if accepted.currency != currency => refuse("you have accepted another currency"),
        Some(accepted) if accepted.micros < micros => refuse("that is more than you have accepted"),
        Some(_) => Ok(()),
    }
}

/// After a checkout without an answer: the order it made, if there is exactly one.
fn recover(api: &Api, cart: String, since: i64) -> Result<Option<Progress>, Fault> {
    let orders: Vec<u64> = api
        .get(&format!("/me/order?date.from={}", honey_sdk::http::percent(&clock::rfc3339(since - 60))))?
        .json()?;
    match orders.as_slice() {
        [only] => {
            log::info(&format!("order {only} was made by the attempt that was interrupted"));
            Ok(Some(Progress { cart, since: Some(since), order: Some(*only), paid: false }))
        }
        // A cart can be written to until somebody has bought it.
        [] if is_open(api, &cart)? => Ok(None),
        others => Err(Fault::conflict(
            "ovh::order-uncertain",
            format!("an earlier attempt to buy was interrupted, and the account has {} orders since then", others.len()),
        )
        .with_help("look at your orders at the vendor: name the service it made with `service`, or if there is none, start the operation anew")),
    }
}

/// Whether the vendor says that nobody has bought a cart; an expired one says nothing.
fn is_open(api: &Api, cart: &str) -> Result<bool, Fault> {
    let found: Option<Value> = api.open("GET", &format!("/order/cart/{cart}")).optional()?;
    Ok(found.is_some_and(|cart| cart["readOnly"] == false))
}

/// With the account's preferred method.
fn pay(api: &Api, order: u64) -> Result<(), Fault> {
    let methods: Vec<u64> = api.get("/me/payment/method?default=true")?.json()?;
    let Some(method) = methods.first() else {
        return Err(Fault::new(
            "forbidden",
            "ovh::no-payment-method",
            format!("order {order} waits for payment and the account has no preferred method"),
        )
        .with_help("pay it at the vendor, then apply again"));
    };
    api.post(&format!("/me/order/{order}/pay"), &json!({"paymentMethod": {"id": method}}))?.send().map(drop)
}

/// The name of what was delivered. Until it has one, a stand-in like `*001` is told.
fn delivered_service(api: &Api, order: u64, plan: &str) -> Result<Option<String>, Fault> {
    let details: Vec<u64> = api.get(&format!("/me/order/{order}/details"))?.json()?;
    for detail in details {
        let path = format!("/me/order/{order}/details/{detail}");
        let extension: Option<Value> = api.get(&format!("{path}/extension"))?.optional()?;
        match extension {
            Some(extension)
                if extension.pointer("/order/plan/code").and_then(Value::as_str) == Some(plan) =>
            {
                let name = text(&api.get(&path)?.json()?, "/domain")?;
                return Ok(Some(name).filter(|name| !name.starts_with('*')));
            }
            Some(_) => {}
            // The United States have no such route, but this one.
            None => {
                let operations: Option<Vec<u64>> = api.get(&format!("{path}/operations"))?.optional()?;
                for operation in operations.unwrap_or_default() {
                    let operation: Value = api.get(&format!("{path}/operations/{operation}"))?.json()?;
                    if let Ok(name) = text(&operation, "/resource/name")
                        && api.service(&name)?.is_some()
                    {
                        return Ok(Some(name));
                    }
                }
            }
        }
    }
    Err(Fault::malformed(format!("order {order} is delivered, but does not tell what it delivered"))
        .with_help("find the new service at the vendor and name it with `service`"))
}

fn text(value: &Value, pointer: &str) -> Result<String, Fault> {
    let found = value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.map(str::to_owned).ok_or_else(|| Fault::malformed(format!("no text at {pointer} of the answer")))
}

#[cfg(test)]
mod tests;
