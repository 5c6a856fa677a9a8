//! Services: paid machines.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::tasks::{self, Task};
use super::{Account, Answer, body, error, not_found, unknown_route};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;
use crate::world::NewMachine;

/// Id, name and login of the images of a service.
const IMAGES: [(&str, &str, &str); 3] = [
    ("45b2f222-ab10-44ed-863f-720942762b6f", "Debian 12", "debian"),
    ("2cb2e0a4-5c1b-4b0e-9d3c-3c5f0a6d2f11", "Ubuntu 24.04", "ubuntu"),
    ("f3b3d9f6-8a0e-4ef9-8f43-1c2a4b8b7a90", "Ubuntu 22.04", "ubuntu"),
];

/// One service.
pub(crate) struct Service {
    name: String,
    display: String,
    keymap: Value,
    netboot: String,
    monitored: bool,
    pub(super) state: &'static str,
    image: &'static str,
    ipv4: Ipv4Addr,
    pub(super) tasks: Vec<Task>,
    terminated: Option<String>,
}

/// The machine's id in the world.
fn machine_id(service: &str) -> String {
    format!("ovh/{service}")
}

/// Makes a service run a fresh Ubuntu.
pub(super) async fn deliver(account: &Arc<Account>, service: &str, keys: Vec<String>) -> std::io::Result<()> {
    let ipv4 = account.world.reserve_address()?;
    let (image, name, user) = IMAGES[1];
    account
        .world
        .create_machine(
            NewMachine {
                vendor: "ovh".into(),
                id: service.to_owned(),
                name: service.to_owned(),
                service: Some(service.to_owned()),
                user: user.to_owned(),
                authorized_keys: keys,
                image: name.to_owned(),
                power: true,
            },
            ipv4,
        )
        .await?;
    account.state().services.insert(
        service.to_owned(),
        Service {
            name: service.to_owned(),
            display: service.to_owned(),
            keymap: Value::Null,
            netboot: "local".into(),
            monitored: false,
            state: "running",
            image,
            ipv4,
            tasks: Vec::new(),
            terminated: None,
        },
    );
    account.world.note("ovh", "vps", service, service, Event::Created);
    Ok(())
}

/// `/vps…`.
pub(super) fn route(account: &Arc<Account>, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => {
            let names: Vec<String> = account.state().services.keys().cloned().collect();
            Ok(Reply::json(200, &json!(names)).doing("vps.list"))
        }
        ("GET", ["datacenter"]) => Ok(Reply::json(200, &json!(["vin1", "hil1"])).doing("vps.datacenters")),
        ("GET", ["order", "rule", "datacenter"]) => {
            let body = json!({"datacenters": [{
                "code": "us-east-vin",
                "datacenter": "VIN",
                "daysBeforeDelivery": 0,
                "linuxStatus": "available",
                "status": "available",
                "windowsStatus": "out-of-stock",
            }]});
            Ok(Reply::json(200, &body).doing("vps.rule"))
        }
        ("GET", ["order", "rule", "osChoices"]) => {
            let choices: Vec<Value> =
                IMAGES.iter().map(|(_, name, _)| json!({"name": name, "status": "available"})).collect();
            Ok(Reply::json(200, &json!({"choices": choices})).doing("vps.rule"))
        }
        (_, [service, rest @ ..]) => {
            if !account.state().services.contains_key(*service) {
                return Err(error(404, "Client::NotFound", "This service does not exist"));
            }
            of_service(account, request, service, rest)
        }
        _ => Err(unknown_route(request)),
    }
}

fn of_service(account: &Arc<Account>, request: &Request, name: &str, rest: &[&str]) -> Answer {
    let done = |body: Value, operation: &str| Ok(Reply::json(200, &body).doing(operation));
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let state = account.state();
            state
                .services
                .get(name)
                .map_or_else(|| Err(not_found("service")), |service| done(view(service), "vps.read"))
        }
        ("PUT", []) => change(account, request, name),
        ("GET", ["datacenter"]) => done(
            json!({"country": "us", "longName": "Vint Hill, Virginia", "name": "vin1"}),
            "vps.datacenter",
        ),
        ("GET", ["ips"]) => {
            let ipv4 = account.state().services.get(name).map(|service| service.ipv4);
            let (v4, v6) = (ipv4.unwrap_or(Ipv4Addr::LOCALHOST), ipv6(ipv4));
            done(json!([v4.to_string(), v6]), "vps.ips")
        }
        ("GET", ["ips", ip]) => address(account, name, ip),
        ("GET", ["images", "available"]) => {
            let ids: Vec<&str> = IMAGES.iter().map(|image| image.0).collect();
            done(json!(ids), "vps.images")
        }
        ("GET", ["images", "available", id]) => match IMAGES.iter().find(|image| image.0 == *id) {
            Some(image) => done(json!({"id": image.0, "name": image.1}), "vps.image"),
            None => Err(not_found("image")),
        },
        ("GET", ["images", "current"]) => {
            let current = account.state().services.get(name).map_or("", |service| service.image);
            let image = IMAGES.iter().find(|image| image.0 == current).unwrap_or(&IMAGES[1]);
            done(json!({"id": image.0, "name": image.1}), "vps.image")
        }
        ("GET", ["tasks", rest @ ..]) => tasks::route(account, request, name, rest),
        ("POST", ["rebuild"]) => rebuild(account, request, name),
        ("POST", ["reboot"]) => power(account, request, name, "rebootVm"),
        ("POST", ["start"]) => power(account, request, name, "startVm"),
        ("POST", ["stop"]) => power(account, request, name, "stopVm"),
        ("POST", ["terminate"]) => {
            let token = account.random.token(32);
            if let Some(service) = account.state().services.get_mut(name) {
                service.terminated = Some(token);
            }
            done(json!("Your request has been sent by mail"), "vps.terminate")
        }
        ("POST", ["confirmTermination"]) => confirm(account, request, name),
        _ => Err(unknown_route(request)),
    }
}

fn ipv6(ipv4: Option<Ipv4Addr>) -> String {
    let octets = ipv4.unwrap_or(Ipv4Addr::LOCALHOST).octets();
    format!("2604:2dc0:{:x}:{:x}::{:x}", octets[1], octets[2], octets[3])
}

fn address(account: &Account, name: &str, ip: &str) -> Answer {
    let ipv4 = account.state().services.get(name).map(|service| service.ipv4);
    let v4 = ipv4.map(|ip| ip.to_string()).unwrap_or_default();
    let version = if ip == v4 {
        "v4"
    } else if ip == ipv6(ipv4) {
        "v6"
    } else {
        return Err(not_found("ip"));
    };
    let body = json!({
        "ipAddress": ip,
        "type": "primary",
        "version": version,
        "gateway": null,
        "macAddress": null,
        "reverse": null,
        "geolocation": "us",
    });
    Ok(Reply::json(200, &body).doing("vps.ip"))
}

fn view(service: &Service) -> Value {
    json!({
        "cluster": "",
        "displayName": service.display,
        "iam": {
            "displayName": service.display,
            "id": "00000000-0000-4000-a000-000000000000",
            "state": "OK",
            "tags": {},
            "urn": format!("urn:v1:us:resource:vps:{}", service.name),
        },
        "keymap": service.keymap,
        "memoryLimit": 8192,
        "model": {
            "availableOptions": ["snapshot"],
            "datacenter": [],
            "disk": 75,
            "maximumAdditionnalIp": 16,
            "memory": 8192,
            "name": "vps-2025-model1",
            "offer": "VPS-1",
            "vcore": 4,
            "version": "2025v1",
        },
        "monitoringIpBlocks": [],
        "name": service.name,
        "netbootMode": service.netboot,
        "offerType": "ssd",
        "slaMonitoring": service.monitored,
        "state": service.state,
        "vcore": 4,
        "zone": "Region OpenStack: os-us-east-vin-vps-1",
        "zoneType": "region",
    })
}

fn change(account: &Arc<Account>, request: &Request, name: &str) -> Answer {
    let body = body(account, request, "ovh/vps.change", || {
        rules::object(
            &[],
            json!({
                "displayName": {"type": ["string", "null"]},
                "keymap": {"enum": ["fr", "us", null]},
                "netbootMode": rules::word(&["local", "rescue"]),
                "slaMonitoring": {"type": ["boolean", "null"]},
            }),
        )
    })?;
    let mut state = account.state();
    let Some(service) = state.services.get_mut(name) else { return Err(not_found("service")) };
    if let Some(display) = body["displayName"].as_str() {
        display.clone_into(&mut service.display);
        account.world.amend(&machine_id(name), |machine| display.clone_into(&mut machine.name));
    }
    if let Some(keymap) = body.get("keymap") {
        service.keymap = keymap.clone();
    }
    if let Some(mode) = body["netbootMode"].as_str() {
        mode.clone_into(&mut service.netboot);
    }
    if let Some(monitored) = body["slaMonitoring"].as_bool() {
        service.monitored = monitored;
    }
    account.world.note("ovh", "vps", name, name, Event::Changed);
    Ok(Reply::json(200, &Value::Null).doing("vps.update"))
}

fn rebuild(account: &Arc<Account>, request: &Request, name: &str) -> Answer {
    let body = body(account, request, "ovh/vps.rebuild", || {
        rules::object(
            &["imageId"],
            json!({
                "imageId": rules::text(),
                "publicSshKey": rules::text(),
                "sshKey": rules::text(),
                "doNotSendPassword": {"type": "boolean"},
                "installRTM": {"type": "boolean"},
            }),
        )
    })?;
    let wanted = body["imageId"].as_str().unwrap_or_default();
    let Some(image) = IMAGES.iter().find(|image| image.0 == wanted) else {
        return Err(error(400, "Client::BadRequest", "[imageId] is not available for this service"));
    };
    let stored = match body["sshKey"].as_str() {
        Some(key) => match account.state().ssh_keys.get(key) {
            Some(line) => Some(line.clone()),
            None => return Err(error(400, "Client::BadRequest", "[sshKey] does not exist")),
        },
        None => None,
    };
    let given = body["publicSshKey"].as_str().map(|line| line.trim().to_owned());
    if given.as_deref().is_some_and(|line| !line.starts_with("ssh-") && !line.starts_with("ecdsa-")) {
        return Err(error(400, "Client::BadRequest", "[publicSshKey] is not a public key"));
    }
    let keys: Vec<String> = given.into_iter().chain(stored).collect();
    if keys.is_empty() && body["doNotSendPassword"] == true {
        return Err(error(
            400,
            "Client::BadRequest",
            "[doNotSendPassword] can only be set together with a SSH key",
        ));
    }
    let ms = account.random.between(120, 180);
    let inner = account.clone();
    let service = name.to_owned();
    let work = async move {
        let id = machine_id(&service);
        inner.world.amend(&id, |machine| image.2.clone_into(&mut machine.user));
        inner.world.reinstall_machine(&id, image.1, keys).await?;
        if let Some(service) = inner.state().services.get_mut(&service) {
            service.image = image.0;
        }
        inner.world.note("ovh", "vps", &service, &service, Event::Changed);
        Ok(())
    };
    tasks::start(account, request, name, "reinstallVm", "installing", (ms, "running"), work)
}

fn power(account: &Arc<Account>, request: &Request, name: &str, kind: &'static str) -> Answer {
    body(account, request, "ovh/nothing", || rules::object(&[], json!({})))?;
    let (running, free) = account
        .state()
        .services
        .get(name)
        .map_or((false, true), |found| (found.state == "running", !found.tasks.iter().any(Task::open)));
    if free && (kind == "startVm") == running {
        let message = format!("This service is already {}", if running { "started" } else { "stopped" });
        return Err(error(400, "Client::BadRequest", &message));
    }
    let inner = account.clone();
    let id = machine_id(name);
    let work = async move {
        if kind != "startVm" {
            inner.world.power_machine(&id, false).await?;
        }
        if kind != "stopVm" {
            inner.world.power_machine(&id, true).await?;
        }
        Ok(())
    };
    let (meanwhile, afterwards) = match kind {
        "stopVm" => ("stopping", "stopped"),
        _ => ("rebooting", "running"),
    };
    let ms = account.random.between(40, 80);
    tasks::start(account, request, name, kind, meanwhile, (ms, afterwards), work)
}

fn confirm(account: &Arc<Account>, request: &Request, name: &str) -> Answer {
    let body = body(account, request, "ovh/vps.confirm", || {
        let text = || json!({"type": "string"});
        rules::object(
            &["token"],
            json!({
                "token": rules::text(),
                "reason": text(),
                "commentary": text(),
                "commentaryReason": text(),
                "commentaryFutureUse": text(),
                "futureUse": text(),
            }),
        )
    })?;
    let mut state = account.state();
    let fits = state
        .services
        .get(name)
        .and_then(|service| service.terminated.as_deref())
        .is_some_and(|token| body["token"] == token);
    if !fits {
        return Err(error(403, "Client::Forbidden", "The token is not valid"));
    }
    state.services.remove(name);
    drop(state);
    account.world.note("ovh", "vps", name, name, Event::Deleted);
    let (world, id) = (account.world.clone(), machine_id(name));
    tokio::spawn(async move { world.destroy_machine(&id).await });
    Ok(Reply::json(200, &json!("Service terminated")).doing("vps.confirm-termination"))
}

/// The mail with the token of a termination, newest service first.
pub(super) fn mails(account: &Account) -> Vec<String> {
    let state = account.state();
    let mails = state.services.values().filter_map(|service| {
        let token = service.terminated.as_ref()?;
        Some(format!(
            "https://www.ovh.com/manager/#/billing/confirmTerminate?id={}&token={token}",
            service.name
        ))
    });
    mails.collect()
}
