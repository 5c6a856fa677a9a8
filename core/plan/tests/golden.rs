//! A plan of the shape that honey really makes: a cluster, its host steps, objects and names.
#![allow(clippy::unwrap_used, clippy::format_push_string, reason = "a test fails by panicking")]

mod support;

use honey_model::{Address, Desired, Observation, Resource, State, value};
use honey_plan::{Plan, Purpose, why::verb};
use serde_json::{Value, json};
use support::{World, address, options, plan_with, resource};

fn of(text: &str, desired: Value, after: &[&str]) -> Resource {
    let mut one = resource(text, desired);
    one.after = after.iter().map(|text| address(text)).collect();
    one
}

fn cluster() -> Desired {
    let mut desired =
        Desired { scopes: vec!["hetzner".into(), "shared".into(), "dns".into()], ..Desired::default() };
    let mut add = |one| desired.add(one).unwrap();
    let output = |text: &str, pointer: &str| value::reference(&Address::new(text).unwrap(), pointer);
    add(of("hetzner/ssh-key/honeydue", json!({"public_key": "ssh-ed25519 AAAA"}), &[]));
    for node in 1..=3 {
        let machine = format!("hetzner/machine/node-{node}");
        let key = output("hetzner/ssh-key/honeydue", "/id");
        add(of(&machine, json!({"name": format!("node-{node}"), "region": "nbg1", "ssh_keys": [key]}), &[]));
        add(of(&format!("hetzner/host/node-{node}"), json!({"address": output(&machine, "/ipv4")}), &[]));
        let mut server =
            of(&format!("hetzner/k3s-server/node-{node}"), json!({"version": "v1.34.6+k3s1"}), &[]);
        server.after.push(address(&format!("hetzner/host/node-{node}")));
        if node > 1 {
            server.after.push(address(&format!("hetzner/k3s-server/node-{}", node - 1)));
        }
        add(server);
    }
    add(of("shared/database", json!({"project": "honeydue"}), &[]));
    add(of("hetzner/kubeconfig", json!({}), &["hetzner/k3s-server/node-1"]));
    add(of(
        "hetzner/kube/honeydue/Namespace/honeydue",
        json!({"object": {"kind": "Namespace"}}),
        &["hetzner/kubeconfig"],
    ));
    let url = json!({"$concat": ["postgres://", output("shared/database", "/host"), "/honeydue?password=", value::secret("neon.password", None)]});
    add(of(
        "hetzner/kube/honeydue/Secret/app",
        json!({"data": {"DATABASE_URL": url}}),
        &["hetzner/kube/honeydue/Namespace/honeydue"],
    ));
    add(of(
        "dns/example.com/A/api",
        json!({"values": (1..=3).map(|node| output(&format!("hetzner/machine/node-{node}"), "/ipv4")).collect::<Vec<_>>()}),
        &["hetzner/kube/honeydue/Secret/app"],
    ));
    desired
}

fn listing(plan: &Plan) -> String {
    let mut text = String::new();
    for operation in &plan.operations {
        let reasons = operation.reasons.join("; ");
        text += &format!("{} {} {}: {reasons}\n", operation.wave, verb(operation.action), operation.address);
        for change in &operation.changes {
            text += &format!("    {}\n", serde_json::to_string(change).unwrap());
        }
    }
    text
}

#[test]
fn a_cluster_over_the_empty_world() {
    let (desired, state) = (cluster(), State::empty("l"));
    let mut observed = World::default().observe(&desired, &state);
    for (address, seen) in &mut observed.resources {
        if address.as_str().contains("/host/") {
            let machine = address.as_str().replace("/host/", "/machine/");
            *seen = Observation::Deferred(vec![support::address(&machine)]);
        }
        if address.as_str().contains("/kube/") {
            *seen = Observation::Deferred(vec![support::address("hetzner/kubeconfig")]);
        }
    }
    let plan = plan_with(&desired, &observed, &state, options(Purpose::Apply)).unwrap();
    insta::assert_snapshot!(listing(&plan));
}
