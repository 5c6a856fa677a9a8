//! Configuration to desired state. Pure: everything that had to be looked up
//! (image digests, edge ranges, key files) is in the [`Input`].

mod cluster;
mod dns;
mod host;
mod machine;
mod shared;
mod stack;
mod template;
mod uses;
mod value;

use std::collections::BTreeMap;

use honey_config::{Config, schema::Instance};
use honey_model::{Active, Address, Desired, Diagnostic, Digest, Resource};
use honey_ports::capability::EdgeRanges;
use serde_json::Value;

pub(crate) use cluster::{kubeconfig_address, server_address};
pub use dns::full_name;
pub use stack::{Scopes, StackObject, StackObjects};

/// What lowering needs beside the configuration.
pub struct Input<'a> {
    /// The configuration, profile and instance overrides merged.
    pub config: &'a Config,
    /// The instance that is planned.
    pub instance: &'a str,
    /// Who is active, with the first apply's effect already counted in.
    pub active: &'a Active,
    /// The operator's public key.
    pub ssh_public_key: Option<&'a str>,
    /// The edge's ranges, where the configuration asks for them.
    pub edge: Option<&'a EdgeRanges>,
    /// The stack, rendered for this instance.
    pub stack: Option<&'a StackObjects>,
    /// Whether the stack's kinds live in namespaces, where only the cluster knows.
    pub scopes: &'a Scopes,
    /// Whether a plugin has a kind.
    pub has_kind: &'a dyn Fn(&str, &str) -> bool,
    /// Whether a plugin's machines are wanted with this field.
    pub machine_field: &'a dyn Fn(&str, &str) -> bool,
}

/// The desired state while it is put together.
struct Lowering<'a> {
    input: &'a Input<'a>,
    instance: &'a Instance,
    desired: Desired,
    problems: Vec<Diagnostic>,
}

/// Everything that is wanted on an instance, and what all instances share.
pub fn lower(input: &Input<'_>) -> Result<Desired, Vec<Diagnostic>> {
    let Some(instance) = input.config.instances.get(input.instance) else {
        let known: Vec<&str> = input.config.instances.keys().map(String::as_str).collect();
        let text = format!("there is no instance `{}`", input.instance);
        let help = format!(
            "[instances] has: {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
        return Err(vec![Diagnostic::error("HNY0180", text).with_help(help).at("instances")]);
    };
    let active = input.active.may_run_singletons(input.instance);
    let mut scopes = vec![input.instance.to_owned(), "shared".to_owned(), "values".to_owned()];
    if active {
        scopes.push("dns".to_owned());
    }
    let configuration = serde_json::to_value(input.config).ok().map(|value| Digest::of_json(&value));
    let desired = Desired { scopes, configuration, ..Desired::default() };
    let mut lowering = Lowering { input, instance, desired, problems: Vec::new() };
    lowering.values();
    lowering.shared();
    lowering.machines();
    lowering.hosts();
    lowering.cluster();
    lowering.stack();
    if active {
        lowering.dns();
    }
    if lowering.problems.is_empty() { Ok(lowering.desired) } else { Err(lowering.problems) }
}

/// Only what is not bound to an instance: values and shared resources.
pub fn lower_shared(config: &Config) -> Result<Desired, Vec<Diagnostic>> {
    let active = Active::Nobody;
    let instance: Instance = serde_json::from_value(serde_json::json!({ "plugin": "" }))
        .map_err(|error| vec![Diagnostic::error("HNY0001", error.to_string())])?;
    let input = Input {
        config,
        instance: "",
        active: &active,
        ssh_public_key: None,
        edge: None,
        stack: None,
        scopes: &Scopes::new(),
        has_kind: &|_, _| false,
        machine_field: &|_, _| false,
    };
    let configuration = serde_json::to_value(config).ok().map(|value| Digest::of_json(&value));
    let scopes = vec!["shared".to_owned(), "values".to_owned()];
    let desired = Desired { scopes, configuration, ..Desired::default() };
    let mut lowering = Lowering { input: &input, instance: &instance, desired, problems: Vec::new() };
    lowering.values();
    lowering.shared();
    if lowering.problems.is_empty() { Ok(lowering.desired) } else { Err(lowering.problems) }
}

impl Lowering<'_> {
    fn address(&self, segments: &[&str], origin: &str) -> Option<Address> {
        let mut all = vec![self.input.instance];
        all.extend(segments);
        checked_address(&all, origin).ok()
    }

    fn add(&mut self, resource: Resource) {
        if let Err(both) = self.desired.add(resource) {
            let (earlier, later) = *both;
            let text = format!("`{}` is wanted twice", later.address);
            let help = format!("once by `{}` and once by `{}`", earlier.origin, later.origin);
            self.problems.push(Diagnostic::error("HNY0181", text).with_help(help).at(later.origin));
        }
    }

    fn problem(&mut self, code: &str, text: impl Into<String>, origin: &str) {
        self.problems.push(Diagnostic::error(code, text).at(origin));
    }

    fn servers(&self) -> u32 {
        self.input.config.cluster.servers
    }

    fn machine_address(&self, index: u32) -> Address {
        Address::of(&[self.input.instance, "machine", &node(index)])
    }

    /// How machines are reached; those with a login of their own by their address.
    fn ssh(&self) -> Value {
        let mut ssh = serde_json::json!({
            "user": self.instance.ssh.user,
            "port": self.instance.ssh.port,
            "identity": self.instance.ssh.identity,
        });
        let own: BTreeMap<String, Value> =
            (0..self.servers()).filter_map(|index| self.own_login(index)).collect();
        if !own.is_empty() {
            ssh["machines"] = serde_json::json!(own);
        }
        ssh
    }
}

/// `node-1` for index 0.
fn node(index: u32) -> String {
    format!("node-{}", index + 1)
}

fn checked_address(segments: &[&str], origin: &str) -> Result<Address, Diagnostic> {
    Address::new(&segments.join("/"))
        .map_err(|error| Diagnostic::error("HNY0182", error.to_string()).at(origin))
}

/// A resource with nothing special about it.
fn resource(address: Address, kind: &str, driver: &str, desired: Value, origin: &str) -> Resource {
    Resource {
        address,
        kind: kind.to_owned(),
        driver: driver.to_owned(),
        desired,
        after: Vec::new(),
        lifecycle: honey_model::Lifecycle::default(),
        origin: origin.to_owned(),
    }
}

/// The name under which an instance's kubeconfig is kept.
pub fn kubeconfig_secret(instance: &str) -> String {
    format!("honey.{instance}.kubeconfig")
}

/// The label of an instance's metrics and logs: unique, so that two clusters
/// never push under one name (runbook 9.6).
pub fn cluster_label(config: &Config, instance: &str) -> String {
    let given = config.instances.get(instance).and_then(|found| found.cluster_label.clone());
    given.unwrap_or_else(|| format!("{}-{instance}", config.project.name))
}

/// Settings as written, as one JSON object.
fn object(settings: &BTreeMap<String, Value>) -> Value {
    Value::Object(settings.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}
