//! The application stack: objects phase by phase, and its secrets.

use std::collections::BTreeMap;

use honey_config::schema::{KubeSecret, Stack};
use honey_model::{Address, Diagnostic, value, value::reference};
use serde_json::{Value, json};

use super::{Lowering, cluster::kubeconfig_address, resource, template::fill_text};
use crate::kind::DRIVER;

/// The stack as rendered for one instance.
#[derive(Clone, Debug, Default)]
pub struct StackObjects {
    /// Phase names in order; each waits for all before it.
    pub phases: Vec<String>,
    /// The phase in which the configuration's secrets are made.
    pub secrets_phase: Option<String>,
    /// Objects, each with its phase.
    pub objects: Vec<StackObject>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct StackObject {
    /// One of the phases.
    pub phase: String,
    /// Wait until it is ready before the next phase.
    pub wait: bool,
    /// Must run on the active instance only.
    pub singleton: bool,
    /// As applied.
    pub object: Value,
}

impl Lowering<'_> {
    pub(super) fn stack(&mut self) {
        let (Some(stack), Some(rendered)) = (&self.input.config.stack, self.input.stack) else { return };
        let instance = self.input.instance;
        let mut by_phase: BTreeMap<&str, Vec<Address>> = BTreeMap::new();
        let base = self.base();
        let secrets_at = rendered
            .phases
            .iter()
            .position(|phase| Some(phase) == rendered.secrets_phase.as_ref())
            .unwrap_or(1);
        for entry in &rendered.objects {
            let Some(address) = self.object_address(&entry.object) else { continue };
            let place = rendered.phases.iter().position(|phase| *phase == entry.phase).unwrap_or(0);
            let desired = json!({
                "kubeconfig": reference(&kubeconfig_address(instance), "/secret"),
                "object": entry.object,
                "wait": entry.wait,
                "singleton": entry.singleton,
                "instance": instance,
            });
            let mut wanted = resource(address.clone(), "kube-object", DRIVER, desired, "stack");
            wanted.after.clone_from(&base);
            wanted.after.extend(earlier(&rendered.phases, place, &by_phase));
            if place > secrets_at {
                wanted.after.extend(stack.secrets.keys().filter_map(|name| self.secret_address(stack, name)));
            }
            by_phase.entry(rendered.phases[place].as_str()).or_default().push(address);
            self.add(wanted);
        }
        let namespaces = earlier(&rendered.phases, secrets_at, &by_phase);
        for (name, secret) in &stack.secrets {
            self.secret(stack, name, secret, &base, &namespaces);
        }
    }

    /// What every object waits for: access, and the labels that place pods.
    fn base(&self) -> Vec<Address> {
        let labels = self.desired.resources.values().filter(|wanted| wanted.kind == "node-label");
        labels.map(|wanted| wanted.address.clone()).collect()
    }

    fn object_address(&mut self, object: &Value) -> Option<Address> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let namespace = text("/metadata/namespace").unwrap_or("_");
        let (kind, name) = (text("/kind").unwrap_or("?"), text("/metadata/name").unwrap_or("?"));
        match super::checked_address(&[self.input.instance, "kube", namespace, kind, name], "stack") {
            Ok(address) => Some(address),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn secret_address(&self, stack: &Stack, name: &str) -> Option<Address> {
        self.address(&["kube", &stack.namespace, "Secret", name], "stack.secrets")
    }

    fn secret(
        &mut self,
        stack: &Stack,
        name: &str,
        secret: &KubeSecret,
        base: &[Address],
        namespaces: &[Address],
    ) {
        let origin = format!("stack.secrets.{name}");
        let data = match self.secret_data(secret, &origin) {
            Ok(data) => data,
            Err(problem) => return self.problems.push(problem),
        };
        let Some(address) = self.secret_address(stack, name) else {
            return self.problem("HNY0182", format!("`{name}` is no secret's name"), &origin);
        };
        let desired = json!({
            "kubeconfig": reference(&kubeconfig_address(self.input.instance), "/secret"),
            "namespace": stack.namespace,
            "name": name,
            "type": secret.secret_type,
            "labels": { "app.kubernetes.io/managed-by": "honey" },
            "data": data,
        });
        let mut wanted = resource(address, "kube-secret", DRIVER, desired, &origin);
        wanted.after.extend(base.iter().chain(namespaces).cloned());
        self.add(wanted);
    }

    fn secret_data(&self, secret: &KubeSecret, origin: &str) -> Result<BTreeMap<String, Value>, Diagnostic> {
        let mut data = BTreeMap::new();
        for (key, text) in &secret.data {
            let filled = fill_text(self.input.config, text, &format!("{origin}.data.{key}"))?;
            data.insert(key.clone(), filled);
        }
        if let Some(registry) = &secret.registry {
            let document = json!({ "$registry": {
                "host": registry.host,
                "username": registry.username,
                "password": value::secret(&registry.password, None),
            } });
            data.insert(".dockerconfigjson".to_owned(), document);
        }
        Ok(data)
    }
}

/// Every object of the phases before `place`; the nearest phase that has any
/// is enough, since its objects wait for the ones before.
fn earlier(phases: &[String], place: usize, by_phase: &BTreeMap<&str, Vec<Address>>) -> Vec<Address> {
    let nearest =
        phases[..place.min(phases.len())].iter().rev().find_map(|phase| by_phase.get(phase.as_str()));
    nearest.cloned().unwrap_or_default()
}
