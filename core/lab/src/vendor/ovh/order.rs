//! Carts, checkouts and orders. Checking out costs what real money would be;
//! the books show every order.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Account, Answer, body, error, me, not_found, unknown_route, vps};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::{Request, TaskFault};
use crate::vendor::rules;

/// Plans that can be ordered, with their monthly price.
const PLANS: [(&str, f64); 2] = [("vps-2025-model1", 4.49), ("vps-2025-model2", 7.99)];

/// Labels that every item must be configured with.
const REQUIRED: [&str; 2] = ["vps_datacenter", "vps_os"];

/// A cart.
pub(crate) struct Cart {
    description: String,
    assigned: bool,
    read_only: bool,
    items: BTreeMap<u64, Item>,
}

struct Item {
    plan: String,
    price: f64,
    quantity: u64,
    configurations: Vec<(u64, String, String)>,
}

/// An order.
pub(crate) struct Order {
    status: &'static str,
    details: Vec<Detail>,
    total: f64,
    date: String,
}

struct Detail {
    id: u64,
    plan: String,
    price: f64,
    service: Option<String>,
}

fn money(value: f64) -> Value {
    json!({"currencyCode": "EUR", "text": format!("{value:.2} €"), "value": value})
}

/// `/order/…`.
pub(super) fn route(account: &Arc<Account>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", ["catalog", "public", "vps"]) => Ok(catalog()),
        ("POST", ["cart"]) => create(account, request),
        ("GET", ["cart"]) => {
            let ids: Vec<String> = account.state().carts.keys().cloned().collect();
            Ok(Reply::json(200, &json!(ids)).doing("cart.list"))
        }
        (_, ["cart", id, rest @ ..]) => {
            if !account.state().carts.contains_key(*id) {
                return Err(not_found("cart"));
            }
            of_cart(account, request, id, rest)
        }
        _ => Err(unknown_route(request)),
    }
}

fn catalog() -> Reply {
    let plans: Vec<Value> = PLANS
        .iter()
        .map(|(code, price)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "prices of a few euros"
            )]
            let ucents = (price * 1e8).round() as u64;
            json!({
                "addonFamilies": [],
                "blobs": null,
                "configurations": [
                    {"isCustom": false, "isMandatory": true, "name": REQUIRED[0], "values": ["WAW", "GRA", "VIN"]},
                    {"isCustom": false, "isMandatory": true, "name": REQUIRED[1], "values": ["Debian 12", "Ubuntu 24.04"]},
                ],
                "consumptionConfiguration": null,
                "family": null,
                "invoiceName": code,
                "planCode": code,
                "pricingType": "rental",
                "pricings": [{
                    "capacities": ["renew", "installation"],
                    "commitment": 0,
                    "description": "Monthly fees",
                    "formattedPrice": format!("{price:.2} €"),
                    "interval": 1,
                    "intervalUnit": "month",
                    "mode": "default",
                    "mustBeCompleted": false,
                    "phase": 1,
                    "price": ucents,
                    "quantity": {"min": 1, "max": 1},
                    "repeat": {"min": 1, "max": null},
                    "strategy": "tiered",
                    "tax": 0,
                    "type": "rental",
                }],
                "product": code,
            })
        })
        .collect();
    let body = json!({
        "addons": [],
        "catalogId": 1,
        "locale": {"currencyCode": "EUR", "subsidiary": "IE", "taxRate": 23.0},
        "planFamilies": [],
        "plans": plans,
        "products": [],
    });
    Reply::json(200, &body).doing("catalog.read")
}

fn create(account: &Arc<Account>, request: &Request) -> Answer {
    let body = body(account, request, "ovh/cart", || {
        rules::object(
            &["ovhSubsidiary"],
            json!({
                "ovhSubsidiary": rules::text(),
                "description": {"type": "string"},
                "expire": {"type": "string"},
            }),
        )
    })?;
    let id = account.random.uuid();
    let cart = Cart {
        description: body["description"].as_str().unwrap_or_default().to_owned(),
        assigned: false,
        read_only: false,
        items: BTreeMap::new(),
    };
    let shown = view(&id, &cart);
    account.state().carts.insert(id.clone(), cart);
    account.world.note("ovh", "cart", &id, &id, Event::Created);
    Ok(Reply::json(200, &shown).doing("cart.create"))
}

fn view(id: &str, cart: &Cart) -> Value {
    let items: Vec<&u64> = cart.items.keys().collect();
    json!({
        "cartId": id,
        "description": cart.description,
        "expire": "2099-01-01T00:00:00+00:00",
        "items": items,
        "readOnly": cart.read_only,
    })
}

fn item_view(cart: &str, id: u64, item: &Item) -> Value {
    let configured: Vec<u64> = item.configurations.iter().map(|entry| entry.0).collect();
    json!({
        "cartId": cart,
        "configurations": configured,
        "duration": "P1M",
        "itemId": id,
        "offerId": null,
        "options": [],
        "parentItemId": null,
        "prices": [{"label": "TOTAL", "price": money(item.price), "promotions": null}],
        "productId": "vps",
        "settings": {"planCode": item.plan, "pricingMode": "default", "quantity": item.quantity},
    })
}

fn of_cart(account: &Arc<Account>, request: &Request, id: &str, rest: &[&str]) -> Answer {
    let mut state = account.state();
    let fresh = state.id();
    let Some(cart) = state.carts.get_mut(id) else { return Err(not_found("cart")) };
    if cart.read_only && request.method != "GET" {
        return Err(error(400, "Client::BadRequest", "This cart was already checked out"));
    }
    let done = |body: Value, operation: &str| Ok(Reply::json(200, &body).doing(operation));
    match (request.method.as_str(), rest) {
        ("GET", []) => done(view(id, cart), "cart.read"),
        ("DELETE", []) => {
            state.carts.remove(id);
            account.world.note("ovh", "cart", id, id, Event::Deleted);
            done(Value::Null, "cart.delete")
        }
        ("POST", ["assign"]) => {
            if cart.assigned {
                return Err(error(409, "Client::Conflict", "This cart is already assigned"));
            }
            cart.assigned = true;
            done(Value::Null, "cart.assign")
        }
        ("POST", ["vps"]) => {
            let body = body(account, request, "ovh/cart.vps", || {
                rules::object(
                    &["planCode", "duration", "pricingMode", "quantity"],
                    json!({
                        "planCode": rules::text(),
                        "duration": rules::word(&["P1M"]),
                        "pricingMode": rules::word(&["default"]),
                        "quantity": {"type": "integer", "minimum": 1, "maximum": 1},
                    }),
                )
            })?;
            let Some(plan) = PLANS.iter().find(|plan| body["planCode"] == plan.0) else {
                return Err(error(400, "Client::BadRequest", "Unknown plan code"));
            };
            let item =
                Item { plan: plan.0.to_owned(), price: plan.1, quantity: 1, configurations: Vec::new() };
            let shown = item_view(id, fresh, &item);
            cart.items.insert(fresh, item);
            done(shown, "cart.add")
        }
        ("GET", ["item"]) => {
            let ids: Vec<&u64> = cart.items.keys().collect();
            done(json!(ids), "cart.items")
        }
        ("GET", ["checkout"]) => done(preview(cart, None), "cart.preview"),
        ("POST", ["checkout"]) => {
            drop(state);
            checkout(account, request, id)
        }
        (method, ["item", item, rest @ ..]) => {
            let number = item.parse().unwrap_or(0);
            let Some(item) = cart.items.get_mut(&number) else { return Err(not_found("item")) };
            match (method, rest) {
                ("GET", []) => done(item_view(id, number, item), "cart.item"),
                ("DELETE", []) => {
                    cart.items.remove(&number);
                    done(Value::Null, "cart.remove")
                }
                ("GET", ["requiredConfiguration"]) => {
                    let labels: Vec<Value> = REQUIRED
                        .iter()
                        .map(
                            |label| json!({"fields": [], "label": label, "required": true, "type": "String"}),
                        )
                        .collect();
                    done(json!(labels), "cart.required")
                }
                ("GET", ["configuration"]) => {
                    let ids: Vec<u64> = item.configurations.iter().map(|entry| entry.0).collect();
                    done(json!(ids), "cart.configurations")
                }
                ("POST", ["configuration"]) => {
                    let body = body(account, request, "ovh/cart.configuration", || {
                        let fields = json!({"label": rules::text(), "value": rules::text()});
                        rules::object(&["label", "value"], fields)
                    })?;
                    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
                    item.configurations.push((fresh, text("label"), text("value")));
                    let shown = json!({"id": fresh, "label": body["label"], "value": body["value"]});
                    done(shown, "cart.configure")
                }
                _ => Err(unknown_route(request)),
            }
        }
        _ => Err(unknown_route(request)),
    }
}

fn preview(cart: &Cart, order: Option<u64>) -> Value {
    let total: f64 = cart.items.values().map(|item| item.price).sum();
    let details: Vec<Value> = cart
        .items
        .iter()
        .map(|(id, item)| {
            json!({
                "cartItemID": id,
                "description": item.plan,
                "detailType": "DURATION",
                "domain": "*001",
                "originalTotalPrice": money(item.price),
                "quantity": 1,
                "reductionTotalPrice": money(0.0),
                "reductions": [],
                "totalPrice": money(item.price),
                "unitPrice": money(item.price),
            })
        })
        .collect();
    json!({
        "contracts": [],
        "details": details,
        "orderId": order,
        "prices": {
            "originalWithoutTax": money(total),
            "reduction": money(0.0),
            "tax": money(0.0),
            "withTax": money(total),
            "withoutTax": money(total),
        },
        "url": order.map(|order| format!("https://www.ovh.com/cgi-bin/order/display-order.cgi?orderId={order}")),
    })
}

fn checkout(account: &Arc<Account>, request: &Request, id: &str) -> Answer {
    let wish = body(account, request, "ovh/cart.checkout", || {
        rules::object(
            &[],
            json!({
                "autoPayWithPreferredPaymentMethod": {"type": "boolean"},
                "waiveRetractationPeriod": {"type": "boolean"},
            }),
        )
    })?;
    let mut state = account.state();
    let number = state.id();
    let mut detail = number;
    let Some(cart) = state.carts.get_mut(id) else { return Err(not_found("cart")) };
    if !cart.assigned {
        return Err(error(400, "Client::BadRequest", "The cart must be assigned first"));
    }
    if cart.items.is_empty() {
        return Err(error(400, "Client::BadRequest", "The cart is empty"));
    }
    for item in cart.items.values() {
        let missing =
            REQUIRED.iter().find(|label| !item.configurations.iter().any(|entry| entry.1 == ***label));
        if let Some(label) = missing {
            let message = format!("Missing required configuration: {label}");
            return Err(error(400, "Client::BadRequest", &message));
        }
    }
    cart.read_only = true;
    let shown = preview(cart, Some(number));
    let details: Vec<Detail> = cart
        .items
        .values()
        .map(|item| {
            detail += 1;
            Detail { id: detail, plan: item.plan.clone(), price: item.price, service: None }
        })
        .collect();
    let total = details.iter().map(|detail| detail.price).sum();
    let order = Order { status: "notPaid", details, total, date: Clock::rfc3339_offset() };
    state.next = detail;
    state.orders.insert(number, order);
    drop(state);
    account.world.note("ovh", "order", &number.to_string(), id, Event::Created);
    if wish["autoPayWithPreferredPaymentMethod"] == true {
        pay(account, number, request.task);
    }
    Ok(Reply::json(200, &shown).doing("cart.checkout"))
}

/// Pays an order: it is checked, delivered, and its services appear.
fn pay(account: &Arc<Account>, number: u64, fault: TaskFault) {
    let account = account.clone();
    tokio::spawn(async move {
        let set = |status: &'static str| {
            if let Some(order) = account.state().orders.get_mut(&number) {
                order.status = status;
            }
        };
        set("checking");
        account.world.clock.sleep(40).await;
        match fault {
            TaskFault::Stuck => return,
            TaskFault::Fail => return set("cancelled"),
            TaskFault::None => set("delivering"),
        }
        account.world.clock.sleep(80).await;
        let count = account.state().orders.get(&number).map_or(0, |order| order.details.len());
        for at in 0..count {
            let name = format!("vps-{}.vps.ovh.net", account.random.hex(8));
            if vps::deliver(&account, &name, Vec::new()).await.is_ok()
                && let Some(order) = account.state().orders.get_mut(&number)
                && let Some(detail) = order.details.get_mut(at)
            {
                detail.service = Some(name);
            }
        }
        set("delivered");
    });
}

/// `/me/order…`.
pub(super) fn placed(account: &Arc<Account>, request: &Request, rest: &[&str]) -> Answer {
    let done = |body: Value, operation: &str| Ok(Reply::json(200, &body).doing(operation));
    if rest.is_empty() {
        let ids: Vec<u64> = account.state().orders.keys().copied().collect();
        return done(json!(ids), "order.list");
    }
    let number: u64 = rest[0].parse().unwrap_or(0);
    let state = account.state();
    let Some(order) = state.orders.get(&number) else { return Err(not_found("order")) };
    let detail = |id: &str| order.details.iter().find(|detail| detail.id.to_string() == id);
    match (request.method.as_str(), &rest[1..]) {
        ("GET", []) => done(
            json!({
                "date": order.date,
                "expirationDate": null,
                "metadatas": null,
                "orderId": number,
                "password": "lab",
                "pdfUrl": "https://www.ovh.com/order.pdf",
                "priceWithTax": money(order.total),
                "priceWithoutTax": money(order.total),
                "retractionDate": null,
                "tax": money(0.0),
                "url": "https://www.ovh.com/order",
            }),
            "order.read",
        ),
        ("GET", ["status"]) => done(json!(order.status), "order.status"),
        ("GET", ["details"]) => {
            let ids: Vec<u64> = order.details.iter().map(|detail| detail.id).collect();
            done(json!(ids), "order.details")
        }
        ("GET", ["details", id]) => match detail(id) {
            Some(found) => done(
                json!({
                    "cancelled": false,
                    "description": found.plan,
                    "detailType": "DURATION",
                    "domain": found.service.as_deref().unwrap_or("*001"),
                    "orderDetailId": found.id,
                    "quantity": "1",
                    "totalPrice": money(found.price),
                    "unitPrice": money(found.price),
                }),
                "order.detail",
            ),
            None => Err(not_found("detail")),
        },
        ("GET", ["details", id, "extension"]) => match detail(id) {
            Some(found) => done(
                json!({"order": {
                    "action": "installation",
                    "configurations": [],
                    "plan": {"code": found.plan, "duration": "P1M", "pricingMode": "default", "quantity": 1, "product": {"name": found.plan}},
                    "type": "plan",
                }}),
                "order.extension",
            ),
            None => Err(not_found("detail")),
        },
        ("POST", ["pay"]) => {
            let unpaid = order.status == "notPaid";
            drop(state);
            let body = body(account, request, "ovh/order.pay", || {
                let method = rules::object(&["id"], json!({"id": {"type": "integer"}}));
                rules::object(&["paymentMethod"], json!({"paymentMethod": method}))
            })?;
            if body["paymentMethod"]["id"] != me::PAYMENT {
                return Err(not_found("paymentMethod"));
            }
            if !unpaid {
                return Err(error(409, "Client::Conflict", "This order is already paid"));
            }
            pay(account, number, request.task);
            done(Value::Null, "order.pay")
        }
        _ => Err(unknown_route(request)),
    }
}
