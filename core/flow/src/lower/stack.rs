//! The application stack: objects phase by phase, and its secrets.

use std::collections::{BTreeMap, BTreeSet};

use honey_config::schema::{KubeSecret, Stack};
use honey_model::{
    Address, Diagnostic,
    kubernetes::{NO_NAMESPACE, ObjectIdentity, group_of, is_own_group},
    value,
    value::reference,
};
use serde_json::{Value, json};

use super::{Lowering, cluster::kubeconfig_address, resource, template::fill_text, uses};
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

/// Whether kinds that are not Kubernetes' own live in namespaces, by group and kind.
pub type Scopes = BTreeMap<(String, String), bool>;

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
        let objects: Vec<Value> =
            rendered.objects.iter().map(|entry| placed(&entry.object, self.input.scopes)).collect();
        let kinds = kinds(&objects);
        let mut sources: uses::Sources = objects.iter().filter_map(uses::source).collect();
        for (name, secret) in &stack.secrets {
            if let Ok(data) = self.secret_data(secret, "") {
                let source = (stack.namespace.clone(), format!("Secret/{name}"));
                sources.insert(source, data.into_iter().collect());
            }
        }
        for (entry, object) in rendered.objects.iter().zip(objects) {
            let Some(address) = self.object_address(&object, &kinds) else { continue };
            let place = rendered.phases.iter().position(|phase| *phase == entry.phase).unwrap_or(0);
            let uses = uses::uses(&object, &sources);
            let once = object["kind"] == "Job" && object["spec"].get("ttlSecondsAfterFinished").is_some();
            let mut desired = json!({
                "kubeconfig": reference(&kubeconfig_address(instance), "/secret"),
                "object": object,
                "wait": entry.wait,
                "singleton": entry.singleton,
                "instance": instance,
            });
            if !uses.is_empty() {
                desired["uses"] = json!(uses);
            }
            let mut wanted = resource(address.clone(), "kube-object", DRIVER, desired, "stack");
            wanted.lifecycle.once = once;
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

    fn object_address(&mut self, object: &Value, kinds: &Kinds) -> Option<Address> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let namespace = text("/metadata/namespace").unwrap_or(NO_NAMESPACE);
        let name = text("/metadata/name").unwrap_or("?");
        let kind = kind_in_address(object, kinds);
        match super::checked_address(&[self.input.instance, "kube", namespace, &kind, name], "stack") {
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

/// The object with its effective namespace written out, so that one object has one address.
fn placed(object: &Value, scopes: &Scopes) -> Value {
    let mut object = object.clone();
    let scope = |group: &str, kind: &str| scopes.get(&(group.to_owned(), kind.to_owned())).copied();
    let Some(identity) = ObjectIdentity::of(&object, &scope) else { return object };
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        match identity.namespace {
            Some(namespace) => drop(metadata.insert("namespace".to_owned(), json!(namespace))),
            None => drop(metadata.remove("namespace")),
        }
    }
    object
}

/// The groups in which each kind of the stack stands.
type Kinds = BTreeMap<String, BTreeSet<String>>;

fn kinds(objects: &[Value]) -> Kinds {
    let mut kinds = Kinds::new();
    for object in objects {
        let (group, kind) = group_and_kind(object);
        kinds.entry(kind.to_owned()).or_default().insert(group.to_owned());
    }
    kinds
}

fn group_and_kind(object: &Value) -> (&str, &str) {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    (group_of(text("apiVersion")), text("kind"))
}

/// The kind; with its group where the stack has the kind in several, for those that are not Kubernetes' own.
fn kind_in_address(object: &Value, kinds: &Kinds) -> String {
    let (group, kind) = group_and_kind(object);
    let several = kinds.get(kind).is_some_and(|groups| groups.len() > 1);
    if several && !is_own_group(group) { format!("{kind}.{group}") } else { kind.to_owned() }
}

/// Every object of the phases before `place`; the nearest phase that has any
/// is enough, since its objects wait for the ones before.
fn earlier(phases: &[String], place: usize, by_phase: &BTreeMap<&str, Vec<Address>>) -> Vec<Address> {
    let nearest =
        phases[..place.min(phases.len())].iter().rev().find_map(|phase| by_phase.get(phase.as_str()));
    nearest.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Scopes, kind_in_address, kinds, placed};

    fn object(api_version: &str, kind: &str, namespace: Option<&str>) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "n", "namespace": namespace}})
    }

    #[test]
    fn the_effective_namespace_is_written_out() {
        let scopes = Scopes::from([(("acme.example".to_owned(), "Tenant".to_owned()), false)]);
        let namespace = |object: &Value| placed(object, &scopes).pointer("/metadata/namespace").cloned();
        assert_eq!(namespace(&object("v1", "PersistentVolumeClaim", None)), Some(json!("default")));
        assert_eq!(namespace(&object("v1", "PersistentVolumeClaim", Some("a"))), Some(json!("a")));
        assert_eq!(namespace(&object("rbac.authorization.k8s.io/v1", "ClusterRole", Some("a"))), None);
        assert_eq!(namespace(&object("acme.example/v1", "Tenant", Some("a"))), None);
        assert_eq!(namespace(&object("other.example/v1", "Thing", Some("a"))), Some(json!("a")));
    }

    #[test]
    fn a_kind_of_two_groups_has_two_addresses() {
        let own = object("networking.k8s.io/v1", "Ingress", Some("a"));
        let other = object("acme.example/v1", "Ingress", Some("a"));
        let both = kinds(&[own.clone(), other.clone()]);
        assert_eq!(kind_in_address(&own, &both), "Ingress");
        assert_eq!(kind_in_address(&other, &both), "Ingress.acme.example");
        assert_eq!(kind_in_address(&other, &kinds(std::slice::from_ref(&other))), "Ingress");
    }
}
