//! The simulated Hetzner Cloud over plain HTTP.

mod common;

use common::{in_order, lab, send, until};
use honey_lab::{Effect, FaultRule, Lab};
use serde_json::{Value, json};

struct Cloud {
    lab: Lab,
    token: String,
}

impl Cloud {
    async fn start() -> Self {
        let lab = lab().await;
        let token = format!("Bearer {}", lab.secret("hetzner", "token"));
        Self { lab, token }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.lab.endpoint("hetzner"));
        let answer = send(method, &url, &self.token, body).await.expect("answer");
        (answer.status, answer.json)
    }

    async fn settle(&self, action: &Value) -> Value {
        let url = format!("{}/v1/actions/{}", self.lab.endpoint("hetzner"), action["id"]);
        until(&url, &self.token, |seen| seen["action"]["status"] != "running").await["action"].clone()
    }
}

fn server(name: &str) -> Value {
    json!({"name": name, "server_type": "cx22", "image": "ubuntu-24.04", "location": "nbg1",
        "labels": {"honey-owner": "p-hetzner"}})
}

#[tokio::test]
async fn a_server_is_made_found_and_deleted() {
    let cloud = Cloud::start().await;
    let key = cloud.lab.credentials().public_key.clone();
    let (status, key) = cloud.call("POST", "/ssh_keys", Some(json!({"name": "k", "public_key": key}))).await;
    assert_eq!(status, 201, "{key}");
    let (status, wall) = cloud
        .call(
            "POST",
            "/firewalls",
            Some(json!({"name": "wall", "rules": [{"direction": "in", "protocol": "tcp",
                "port": "22", "source_ips": ["0.0.0.0/0", "::/0"]}]})),
        )
        .await;
    assert_eq!(status, 201, "{wall}");
    let mut wanted = server("node-1");
    wanted["ssh_keys"] = json!([key["ssh_key"]["id"].to_string()]);
    wanted["firewalls"] = json!([{"firewall": wall["firewall"]["id"]}]);
    let (status, made) = cloud.call("POST", "/servers", Some(wanted)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["root_password"], Value::Null);
    assert_eq!(made["server"]["status"], "initializing");
    let id = made["server"]["id"].clone();
    for action in std::iter::once(&made["action"]).chain(made["next_actions"].as_array().unwrap()) {
        assert_eq!(cloud.settle(action).await["status"], "success");
    }
    let (_, list) = cloud.call("GET", "/servers?label_selector=honey-owner%3D%3Dp-hetzner", None).await;
    assert_eq!(list["servers"][0]["status"], "running");
    assert_eq!(list["meta"]["pagination"]["total_entries"], 1);
    let machine = cloud.lab.world().machine(&format!("hetzner/{id}")).expect("machine");
    assert_eq!(list["servers"][0]["public_net"]["ipv4"]["ip"], machine.ipv4.to_string());
    assert_eq!(machine.authorized_keys.len(), 1);
    let wall = &wall["firewall"]["id"];
    let (status, refused) = cloud.call("DELETE", &format!("/firewalls/{wall}"), None).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("resource_in_use")));
    let (status, gone) = cloud.call("DELETE", &format!("/servers/{id}"), None).await;
    assert_eq!(status, 200);
    assert_eq!(cloud.settle(&gone["action"]).await["status"], "success");
    assert_eq!(cloud.call("GET", &format!("/servers/{id}"), None).await.0, 404);
    assert_eq!(cloud.call("DELETE", &format!("/firewalls/{wall}"), None).await.0, 204);
    assert_eq!(cloud.lab.books().created("hetzner", "server"), 1);
    assert_eq!(cloud.lab.books().deleted("hetzner", "server"), 1);
    in_order(&cloud.lab);
}

#[tokio::test]
async fn a_busy_server_is_locked() {
    let cloud = Cloud::start().await;
    cloud.lab.inject(FaultRule::new("hetzner", Effect::StuckTask).method("POST").path("/servers"));
    let (_, made) = cloud.call("POST", "/servers", Some(server("a"))).await;
    assert_eq!(made["server"]["locked"], true);
    let path = format!("/servers/{}", made["server"]["id"]);
    let (status, refused) = cloud.call("DELETE", &path, None).await;
    assert_eq!((status, &refused["error"]["code"]), (423, &json!("locked")));
}

#[tokio::test]
async fn the_catalogue_answers_as_specified() {
    let cloud = Cloud::start().await;
    for path in ["/locations", "/server_types", "/images", "/pricing", "/networks", "/ssh_keys"] {
        assert_eq!(cloud.call("GET", path, None).await.0, 200, "{path}");
    }
    in_order(&cloud.lab);
}

#[tokio::test]
async fn names_are_unique_and_bodies_judged() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.call("POST", "/servers", Some(server("a"))).await.0, 201);
    let (status, refused) = cloud.call("POST", "/servers", Some(server("a"))).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("uniqueness_error")));
    in_order(&cloud.lab);
    let mut odd = server("b");
    odd["honey"] = json!(true);
    let (status, refused) = cloud.call("POST", "/servers", Some(odd)).await;
    assert_eq!((status, &refused["error"]["details"]["fields"][0]["name"]), (422, &json!("honey")));
    assert_eq!(cloud.lab.violations().len(), 1);
    let mut arm = server("c");
    arm["server_type"] = json!("cax11");
    arm["location"] = json!("ash");
    let (status, refused) = cloud.call("POST", "/servers", Some(arm)).await;
    assert_eq!((status, &refused["error"]["code"]), (412, &json!("resource_unavailable")));
}

#[tokio::test]
async fn an_address_of_its_own_outlives_its_server() {
    let cloud = Cloud::start().await;
    let wanted = json!({"name": "api", "type": "ipv4", "location": "nbg1", "assignee_type": "server"});
    let (status, made) = cloud.call("POST", "/primary_ips", Some(wanted.clone())).await;
    assert_eq!(status, 201, "{made}");
    let (id, ip) = (made["primary_ip"]["id"].clone(), made["primary_ip"]["ip"].clone());
    assert_eq!(cloud.call("POST", "/primary_ips", Some(wanted)).await.0, 409, "names are unique");
    let mut with = server("a");
    with["public_net"] = json!({"enable_ipv4": true, "enable_ipv6": true, "ipv4": id});
    let (status, made) = cloud.call("POST", "/servers", Some(with.clone())).await;
    assert_eq!((status, &made["server"]["public_net"]["ipv4"]["ip"]), (201, &ip), "{made}");
    with["name"] = json!("b");
    let (status, refused) = cloud.call("POST", "/servers", Some(with)).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("primary_ip_assigned")));
    let path = format!("/primary_ips/{id}");
    let (status, refused) = cloud.call("DELETE", &path, None).await;
    assert_eq!((status, &refused["error"]["code"]), (422, &json!("must_be_unassigned")));
    let (_, listed) = cloud.call("GET", "/primary_ips", None).await;
    assert_eq!(listed["primary_ips"].as_array().map(Vec::len), Some(2), "the IPv6 network was made with it");
    for action in [&made["action"], &made["next_actions"][0]] {
        cloud.settle(action).await;
    }
    let (_, deleting) = cloud.call("DELETE", &format!("/servers/{}", made["server"]["id"]), None).await;
    cloud.settle(&deleting["action"]).await;
    let named = json!({"ip": ip, "dns_ptr": "api.example.com"});
    assert_eq!(cloud.call("POST", &format!("{path}/actions/change_dns_ptr"), Some(named)).await.0, 201);
    let (_, listed) = cloud.call("GET", "/primary_ips", None).await;
    assert_eq!(listed["primary_ips"].as_array().map(Vec::len), Some(1), "only its own is left");
    assert_eq!(listed["primary_ips"][0]["dns_ptr"][0]["dns_ptr"], "api.example.com");
    assert_eq!(cloud.call("DELETE", &path, None).await.0, 204);
    in_order(&cloud.lab);
}

#[tokio::test]
async fn tokens_pages_and_limits() {
    let mut cloud = Cloud::start().await;
    for at in 0..3 {
        let body = json!({"name": format!("g{at}"), "type": "spread"});
        assert_eq!(cloud.call("POST", "/placement_groups", Some(body)).await.0, 201);
    }
    let (_, page) = cloud.call("GET", "/placement_groups?page=2&per_page=2", None).await;
    assert_eq!(page["placement_groups"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["meta"]["pagination"]["previous_page"], 1);
    assert_eq!(page["meta"]["pagination"]["next_page"], Value::Null);
    assert_eq!(cloud.call("GET", "/placement_groups?per_page=51", None).await.0, 422);
    let url = format!("{}/v1/servers", cloud.lab.endpoint("hetzner"));
    let answer = send("GET", &url, &cloud.token, None).await.expect("answer");
    assert_eq!(answer.header("ratelimit-limit"), "3600");
    assert!(answer.header("ratelimit-remaining").parse::<u32>().expect("number") < 3600);
    in_order(&cloud.lab);
    cloud.token = format!("Bearer {}", cloud.lab.secret("hetzner", "read-token"));
    let (status, refused) = cloud.call("POST", "/servers", Some(server("x"))).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &json!("token_readonly")));
    cloud.token = "Bearer wrong".into();
    assert_eq!(cloud.call("GET", "/servers", None).await.0, 401);
    assert_eq!(cloud.call("GET", "/unknown", None).await.0, 404);
}

#[tokio::test]
async fn faults_hit_what_the_script_says() {
    let cloud = Cloud::start().await;
    let rule = |effect| FaultRule::new("hetzner", effect).method("POST").path("/servers");
    let url = format!("{}/v1/servers", cloud.lab.endpoint("hetzner"));
    cloud.lab.inject(rule(Effect::CutBefore));
    assert!(send("POST", &url, &cloud.token, Some(server("a"))).await.is_err());
    assert_eq!(cloud.lab.books().created("hetzner", "server"), 0);
    cloud.lab.clear_faults();
    cloud.lab.inject(rule(Effect::CutAfter));
    assert!(send("POST", &url, &cloud.token, Some(server("a"))).await.is_err());
    assert_eq!(cloud.lab.books().created("hetzner", "server"), 1);
    cloud.lab.clear_faults();
    cloud.lab.inject(rule(Effect::FailTask));
    let (_, made) = cloud.call("POST", "/servers", Some(server("b"))).await;
    let failed = cloud.settle(&made["action"]).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("error"), &json!("action_failed")));
    cloud.lab.clear_faults();
    cloud.lab.inject(FaultRule::new(
        "hetzner",
        Effect::Status {
            status: 429,
            code: None,
            message: None,
            retry_after: honey_lab::RetryAfter::Seconds(2),
        },
    ));
    let limited = send("GET", &url, &cloud.token, None).await.expect("answer");
    assert_eq!((limited.status, limited.header("retry-after")), (429, "2"));
    assert_eq!(limited.json["error"]["code"], "rate_limit_exceeded");
    cloud.lab.inject(FaultRule::new("hetzner", Effect::BadGateway));
    let gateway = send("GET", &url, &cloud.token, None).await.expect("answer");
    assert!(gateway.status == 502 && gateway.text.contains("<html>"));
    cloud.lab.inject(FaultRule::new("hetzner", Effect::HugeString));
    assert!(send("GET", &url, &cloud.token, None).await.expect("answer").text.len() > 9_000_000);
    let faults = cloud.lab.books().calls().iter().filter(|call| call.fault.is_some()).count();
    assert_eq!(faults, 6);
}

#[tokio::test]
async fn a_rebuild_gives_a_new_generation() {
    let cloud = Cloud::start().await;
    let (_, made) = cloud.call("POST", "/servers", Some(server("a"))).await;
    for action in std::iter::once(&made["action"]).chain(made["next_actions"].as_array().unwrap()) {
        cloud.settle(action).await;
    }
    let id = &made["server"]["id"];
    let path = format!("/servers/{id}/actions/rebuild");
    let (status, again) = cloud.call("POST", &path, Some(json!({"image": "debian-12"}))).await;
    assert_eq!(status, 201, "{again}");
    cloud.settle(&again["action"]).await;
    let machine = cloud.lab.world().machine(&format!("hetzner/{id}")).expect("machine");
    assert_eq!((machine.generation, machine.image.as_str()), (2, "debian-12"));
    in_order(&cloud.lab);
}
