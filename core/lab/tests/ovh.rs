//! The simulated OVHcloud over plain HTTP, signed as its clients sign.

mod common;

use common::{in_order, lab, specs};
use honey_lab::{Effect, FaultRule, Lab, LabOptions};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

async fn signed(lab: &Lab, method: &str, path: &str, body: Option<Value>, skew: i64) -> (u16, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/1.0{path}", lab.endpoint("ovh"));
    let now = Client::new().get(format!("{}/1.0/auth/time", lab.endpoint("ovh")));
    let now: i64 = now.send().await.expect("time").text().await.expect("text").parse().expect("number");
    let stamp = now + skew;
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let secret = |name| lab.secret("ovh", name);
    let base =
        format!("{}+{}+{method}+{url}+{text}+{stamp}", secret("application-secret"), secret("consumer-key"));
    let signature = format!("$1${}", hex::encode(Sha1::digest(base)));
    let mut request = Client::new()
        .request(Method::from_bytes(method.as_bytes()).expect("method"), &url)
        .header("x-ovh-application", secret("application-key"))
        .header("x-ovh-consumer", secret("consumer-key"))
        .header("x-ovh-timestamp", stamp.to_string())
        .header("x-ovh-signature", signature);
    if !text.is_empty() {
        request = request.header("content-type", "application/json").body(text);
    }
    let response = request.send().await.expect("answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("text");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn call(lab: &Lab, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    signed(lab, method, path, body, 0).await
}

#[tokio::test]
async fn a_service_account_asks_with_a_token() {
    let lab = lab().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let origin = lab.endpoint("ovh").clone();
    let fetch = |secret: String| {
        let id = lab.secret("ovh", "client-id");
        let form = format!("grant_type=client_credentials&scope=all&client_id={id}&client_secret={secret}");
        Client::new()
            .post(format!("{origin}/auth/oauth2/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
    };
    let refused = fetch("wrong".to_owned()).await.expect("answer");
    assert_eq!(refused.status().as_u16(), 400);
    let text = fetch(lab.secret("ovh", "client-secret").to_owned())
        .await
        .expect("answer")
        .text()
        .await
        .expect("text");
    let handed: Value = serde_json::from_str(&text).expect("JSON");
    for (token, status) in [(handed["access_token"].as_str().expect("token"), 200), ("other", 403)] {
        let asked =
            Client::new().get(format!("{origin}/1.0/vps")).header("authorization", format!("Bearer {token}"));
        assert_eq!(asked.send().await.expect("answer").status().as_u16(), status);
    }
    in_order(&lab);
}

#[tokio::test]
async fn three_services_run_and_can_be_rebuilt() {
    let lab = lab().await;
    let (status, names) = call(&lab, "GET", "/vps", None).await;
    assert_eq!((status, names.as_array().map(Vec::len)), (200, Some(3)));
    let name = "vps-1624d691.vps.ovh.us";
    let (_, vps) = call(&lab, "GET", &format!("/vps/{name}"), None).await;
    assert_eq!(vps["state"], "running");
    let (_, ips) = call(&lab, "GET", &format!("/vps/{name}/ips"), None).await;
    let machine = lab.world().machine(&format!("ovh/{name}")).expect("machine");
    assert_eq!(ips[0], machine.ipv4.to_string());
    assert_eq!(machine.authorized_keys, [lab.credentials().public_key.clone()]);
    let (_, images) = call(&lab, "GET", &format!("/vps/{name}/images/available"), None).await;
    let body = json!({"imageId": images[0], "publicSshKey": lab.credentials().public_key, "doNotSendPassword": true});
    let path = format!("/vps/{name}/rebuild");
    let (status, task) = call(&lab, "POST", &path, Some(body)).await;
    assert_eq!((status, &task["state"]), (200, &json!("todo")), "{task}");
    loop {
        let (_, seen) = call(&lab, "GET", &format!("/vps/{name}/tasks/{}", task["id"]), None).await;
        if seen["state"] == "done" {
            break;
        }
        assert_ne!(seen["state"], "error");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let machine = lab.world().machine(&format!("ovh/{name}")).expect("machine");
    assert_eq!((machine.generation, machine.user.as_str()), (2, "debian"));
    in_order(&lab);
}

#[tokio::test]
async fn signatures_clocks_and_rules() {
    let lab = lab().await;
    let (status, late) = signed(&lab, "GET", "/me", None, 4000).await;
    assert_eq!((status, &late["errorCode"]), (400, &json!("QUERY_TIME_OUT")));
    let (status, odd) = call(&lab, "GET", "/cloud/project", None).await;
    assert_eq!((status, &odd["errorCode"]), (403, &json!("NOT_GRANTED_CALL")));
    let url = format!("{}/1.0/me", lab.endpoint("ovh"));
    let bare = Client::new().get(&url).send().await.expect("answer");
    assert_eq!(bare.status().as_u16(), 401);
    let (status, gone) = call(&lab, "GET", "/vps/vps-nothing", None).await;
    assert_eq!((status, &gone["class"]), (404, &json!("Client::NotFound")));
    let bad = json!({"imageId": "nope", "doNotSendPassword": true});
    let path = "/vps/vps-1624d691.vps.ovh.us/rebuild";
    assert_eq!(call(&lab, "POST", path, Some(bad)).await.0, 400);
}

#[tokio::test]
async fn an_order_is_paid_and_delivered() {
    let lab = lab().await;
    let (_, cart) = call(&lab, "POST", "/order/cart", Some(json!({"ovhSubsidiary": "IE"}))).await;
    let cart = format!("/order/cart/{}", cart["cartId"].as_str().expect("cart"));
    let plan =
        json!({"planCode": "vps-2025-model1", "duration": "P1M", "pricingMode": "default", "quantity": 1});
    let (_, item) = call(&lab, "POST", &format!("{cart}/vps"), Some(plan)).await;
    let item = format!("{cart}/item/{}", item["itemId"]);
    assert_eq!(call(&lab, "POST", &format!("{cart}/checkout"), Some(json!({}))).await.0, 400);
    assert_eq!(call(&lab, "POST", &format!("{cart}/assign"), None).await.0, 200);
    assert_eq!(call(&lab, "POST", &format!("{cart}/checkout"), Some(json!({}))).await.0, 400);
    for (label, value) in [("vps_datacenter", "WAW"), ("vps_os", "Ubuntu 24.04")] {
        let body = json!({"label": label, "value": value});
        assert_eq!(call(&lab, "POST", &format!("{item}/configuration"), Some(body)).await.0, 200);
    }
    let (status, order) = call(&lab, "POST", &format!("{cart}/checkout"), Some(json!({}))).await;
    assert_eq!(status, 200, "{order}");
    let order = format!("/me/order/{}", order["orderId"]);
    assert_eq!(call(&lab, "GET", &format!("{order}/status"), None).await.1, "notPaid");
    assert_eq!(call(&lab, "GET", "/vps", None).await.1.as_array().map(Vec::len), Some(3));
    let (_, methods) = call(&lab, "GET", "/me/payment/method?default=true", None).await;
    let pay = json!({"paymentMethod": {"id": methods[0]}});
    assert_eq!(call(&lab, "POST", &format!("{order}/pay"), Some(pay)).await.0, 200);
    while call(&lab, "GET", &format!("{order}/status"), None).await.1 != "delivered" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(call(&lab, "GET", "/vps", None).await.1.as_array().map(Vec::len), Some(4));
    assert_eq!(lab.books().created("ovh", "order"), 1);
    in_order(&lab);
}

#[tokio::test]
async fn a_stuck_task_stays() {
    let options = LabOptions { specs: specs(), time_scale: 0.0, ..LabOptions::default() };
    let lab = Lab::start(options).await.expect("lab");
    lab.inject(FaultRule::new("ovh", Effect::StuckTask).path("/reboot"));
    let name = "vps-c0f51be2.vps.ovh.us";
    let (_, task) = call(&lab, "POST", &format!("/vps/{name}/reboot"), None).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
        let (_, seen) = call(&lab, "GET", &format!("/vps/{name}/tasks/{}", task["id"]), None).await;
        assert!(seen["state"] == "todo" || seen["state"] == "doing");
    }
    let (status, busy) = call(&lab, "POST", &format!("/vps/{name}/stop"), None).await;
    assert_eq!((status, &busy["class"]), (409, &json!("Client::Conflict")));
}
