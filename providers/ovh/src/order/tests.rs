//! Buying against scripted answers of the vendor.

use honey_sdk::testing::{self, MockHost};

use super::*;

fn host() -> MockHost {
    let host = MockHost::new("https://api.us.ovhcloud.com/1.0", "honeydue-ovh", "ovh/machine/node-1");
    for secret in ["application-key", "application-secret", "consumer-key"] {
        host.secret(secret, secret);
    }
    host.expect("GET", "/auth/time").reply(200, json!(1_700_000_000));
    host
}

fn api() -> Api {
    Api::new(None, None, None).expect("a site")
}

fn order(price: &str) -> Order {
    Order {
        plan: "vps-2025-model1".into(),
        datacenter: "WAW".into(),
        os: "Debian 13".into(),
        accept_price: Some(price.into()),
        ..Order::default()
    }
}

fn expect_cart(host: &MockHost) {
    host.expect("GET", "/me").reply(200, json!({"ovhSubsidiary": "US"}));
    host.expect("POST", "/order/cart")
        .body(json!({"ovhSubsidiary": "US"}))
        .reply(200, json!({"cartId": "c", "items": []}));
    host.expect("POST", "/order/cart/c/assign").reply(200, Value::Null);
    host.expect("POST", "/order/cart/c/vps")
        .body(json!({"planCode": "vps-2025-model1", "duration": "P1M", "pricingMode": "default", "quantity": 1}))
        .reply(200, json!({"cartId": "c", "itemId": 12}));
    host.expect("GET", "/order/cart/c/item/12/requiredConfiguration").reply(
        200,
        json!([{"label": "vps_datacenter", "required": true}, {"label": "vps_os", "required": true}, {"label": "note", "required": false}]),
    );
    host.expect("POST", "/order/cart/c/item/12/configuration")
        .body(json!({"label": "vps_datacenter", "value": "WAW"}))
        .reply(200, json!({}));
    host.expect("POST", "/order/cart/c/item/12/configuration")
        .body(json!({"label": "vps_os", "value": "Debian 13"}))
        .reply(200, json!({}));
    host.expect("GET", "/order/cart/c/checkout").reply(
        200,
        json!({"prices": {"withTax": {"currencyCode": "USD", "value": 6.46, "priceInUcents": 646_000_000, "text": "$6.46"}}}),
    );
}

fn expect_delivery(host: &MockHost) {
    host.expect("GET", "/me/order/77/details").reply(200, json!([1, 2]));
    host.expect("GET", "/me/order/77/details/1/extension")
        .reply(200, json!({"order": {"plan": {"code": "option"}}}));
    host.expect("GET", "/me/order/77/details/2/extension")
        .reply(200, json!({"order": {"plan": {"code": "vps-2025-model1"}}}));
    host.expect("GET", "/me/order/77/details/2").reply(200, json!({"domain": "vps-new.vps.ovh.us"}));
}

#[test]
fn an_order_is_followed_to_its_service() {
    let host = host();
    expect_cart(&host);
    host.expect("POST", "/order/cart/c/checkout")
        .body(json!({"autoPayWithPreferredPaymentMethod": true, "waiveRetractationPeriod": false}))
        .reply(200, json!({"orderId": 77, "url": "https://x.invalid"}));
    for status in ["checking", "delivering", "delivered"] {
        host.expect("GET", "/me/order/77/status").reply(200, json!(status));
    }
    expect_delivery(&host);
    let service = testing::done(buy(&api(), host.context(), &order("6.46 USD"), None));
    assert_eq!(service, "vps-new.vps.ovh.us");
    let since: Vec<_> =
        host.checkpoints().into_iter().map(|(_, progress)| progress["order"].clone()).collect();
    assert_eq!(since, [Value::Null, json!(77)], "remembered before and after it cost money");
}

#[test]
fn a_price_that_nobody_accepted_buys_nothing() {
    for price in ["6.45 USD", "10 EUR"] {
        let host = host();
        expect_cart(&host);
        let fault = buy(&api(), host.context(), &order(price), None).err().expect("refused");
        assert_eq!(fault.code, "ovh::price-not-accepted");
        assert!(fault.message.contains("$6.46"), "{}", fault.message);
        assert!(host.checkpoints().is_empty());
    }
}

#[test]
fn a_checkout_without_an_answer_is_never_repeated() {
    let host = host();
    expect_cart(&host);
    host.expect("POST", "/order/cart/c/checkout").interrupted();
    assert!(buy(&api(), host.context(), &order("7 USD"), None).is_err());
    let (_, resume) = host.checkpoints().pop().expect("remembered");
    let resume: Progress = honey_sdk::read(&resume).expect("progress");
    let orders = "/me/order?date.from=2023-11-14T22%3A12%3A20Z";
    host.expect("GET", orders).reply(200, json!([]));
    host.expect("GET", "/order/cart/c").reply(200, json!({"cartId": "c", "readOnly": true}));
    let fault = buy(&api(), host.context(), &order("7 USD"), Some(resume.clone())).err().expect("uncertain");
    assert_eq!(fault.code, "ovh::order-uncertain");
    host.expect("GET", orders).reply(200, json!([77]));
    host.expect("GET", "/me/order/77/status").reply(200, json!("notPaid"));
    host.expect("GET", "/me/payment/method?default=true").reply(200, json!([3]));
    host.expect("POST", "/me/order/77/pay").body(json!({"paymentMethod": {"id": 3}})).reply(200, Value::Null);
    host.expect("GET", "/me/order/77/status").reply(200, json!("delivered"));
    expect_delivery(&host);
    assert_eq!(
        testing::done(buy(&api(), host.context(), &order("7 USD"), Some(resume))),
        "vps-new.vps.ovh.us"
    );
}
