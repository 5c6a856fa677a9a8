//! The simulated Cloudflare over plain HTTP.

mod common;

use common::{in_order, lab, send};
use honey_lab::Lab;
use serde_json::{Value, json};

async fn call(lab: &Lab, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/client/v4{path}", lab.endpoint("cloudflare"));
    let token = format!("Bearer {}", lab.secret("cloudflare", "token"));
    let answer = send(method, &url, &token, body).await.expect("answer");
    (answer.status, answer.json)
}

async fn zone(lab: &Lab) -> String {
    let (status, zones) = call(lab, "GET", "/zones?name=myhoneydue.com", None).await;
    assert_eq!(status, 200, "{zones}");
    let id = zones["result"][0]["id"].as_str().expect("id");
    format!("/zones/{id}/dns_records")
}

fn a(name: &str, address: &str) -> Value {
    json!({"type": "A", "name": name, "content": address, "ttl": 60, "proxied": false})
}

#[tokio::test]
async fn certificates_are_signed_listed_and_revoked() {
    let lab = lab().await;
    let path = zone(&lab).await;
    let zone_id = path.split('/').nth(2).expect("id");
    let csr = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----";
    let wanted = json!({"csr": csr, "hostnames": ["*.myhoneydue.com"], "request_type": "origin-ecc", "requested_validity": 365});
    let (status, made) = call(&lab, "POST", "/certificates", Some(wanted)).await;
    assert_eq!((status, &made["result"]["csr"]), (200, &json!(csr)), "{made}");
    let (_, listed) = call(&lab, "GET", &format!("/certificates?zone_id={zone_id}"), None).await;
    assert_eq!(listed["result"][0]["id"], made["result"]["id"]);
    let one = format!("/certificates/{}", made["result"]["id"].as_str().expect("id"));
    assert_eq!(call(&lab, "DELETE", &one, None).await.0, 200);
    let (status, gone) = call(&lab, "GET", &one, None).await;
    assert_eq!((status, &gone["errors"][0]["code"]), (404, &json!(1101)));
    in_order(&lab);
}

#[tokio::test]
async fn records_come_and_go() {
    let lab = lab().await;
    let path = zone(&lab).await;
    let (status, made) = call(&lab, "POST", &path, Some(a("api.myhoneydue.com", "192.0.2.1"))).await;
    assert_eq!((status, &made["success"]), (200, &json!(true)), "{made}");
    assert_eq!(made["result"]["comment"], Value::Null);
    let (_, same) = call(&lab, "POST", &path, Some(a("api.myhoneydue.com", "192.0.2.1"))).await;
    assert_eq!(same["errors"][0]["code"], 81058);
    let (_, second) = call(&lab, "POST", &path, Some(a("api.myhoneydue.com", "192.0.2.2"))).await;
    assert_eq!(second["success"], true);
    let alias = json!({"type": "CNAME", "name": "api.myhoneydue.com", "content": "x.example.net"});
    let (_, refused) = call(&lab, "POST", &path, Some(alias)).await;
    assert_eq!(refused["errors"][0]["code"], 81053);
    let query = format!("{path}?name.exact=api.myhoneydue.com&type=A");
    let (_, list) = call(&lab, "GET", &query, None).await;
    assert_eq!(list["result_info"]["total_count"], 2);
    let one = format!("{path}/{}", made["result"]["id"].as_str().expect("id"));
    let change = json!({"proxied": true, "comment": "honey"});
    let (_, changed) = call(&lab, "PATCH", &one, Some(change)).await;
    assert_eq!((&changed["result"]["ttl"], &changed["result"]["comment"]), (&json!(1), &json!("honey")));
    let (_, gone) = call(&lab, "DELETE", &one, None).await;
    assert_eq!(gone["result"], json!({"id": made["result"]["id"]}));
    assert_eq!(call(&lab, "GET", &one, None).await.0, 404);
    in_order(&lab);
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_in_order() {
    let lab = lab().await;
    let path = zone(&lab).await;
    let (_, old) = call(&lab, "POST", &path, Some(a("myhoneydue.com", "192.0.2.1"))).await;
    let id = &old["result"]["id"];
    let batch = format!("{path}/batch");
    let bad = json!({"deletes": [{"id": id}], "posts": [a("myhoneydue.com", "192.0.2.9"), a("elsewhere.org", "192.0.2.9")]});
    let (status, refused) = call(&lab, "POST", &batch, Some(bad)).await;
    assert_eq!((status, &refused["success"]), (400, &json!(false)));
    assert_eq!(call(&lab, "GET", &path, None).await.1["result"][0]["id"], *id);
    let good = json!({"deletes": [{"id": id}], "posts": [a("myhoneydue.com", "192.0.2.1")]});
    let (status, done) = call(&lab, "POST", &batch, Some(good)).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["result"]["posts"][0]["content"], "192.0.2.1");
    assert_ne!(done["result"]["posts"][0]["id"], *id);
    in_order(&lab);
}

#[tokio::test]
async fn scope_and_form() {
    let lab = lab().await;
    let base = format!("{}/client/v4", lab.endpoint("cloudflare"));
    let path = zone(&lab).await;
    let (status, odd) = call(&lab, "GET", "/zones/short/dns_records", None).await;
    assert_eq!((status, &odd["errors"][0]["code"]), (404, &json!(7003)));
    let foreign = format!("/zones/{}/dns_records", "0".repeat(32));
    let (status, foreign) = call(&lab, "GET", &foreign, None).await;
    assert_eq!((status, &foreign["errors"][0]["code"]), (403, &json!(10000)));
    let bad = send("GET", &format!("{base}/zones"), "Bearer nope", None).await.expect("answer");
    assert_eq!((bad.status, &bad.json["errors"][0]["code"]), (403, &json!(9109)));
    let mut wide = a("a.myhoneydue.com", "192.0.2.1");
    wide["ttl"] = json!(30);
    assert_eq!(call(&lab, "POST", &path, Some(wide)).await.0, 400);
    let text = json!({"type": "TXT", "name": "a.myhoneydue.com", "content": "x", "proxied": true});
    assert_eq!(call(&lab, "POST", &path, Some(text)).await.0, 400);
    let open = send("GET", &format!("{base}/ips"), "", None).await.expect("answer");
    assert!(open.status == 200 && open.header("ratelimit").contains("r="));
}
