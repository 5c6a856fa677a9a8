//! The schemas of the built-in kinds, read once from k8s-openapi's types.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use k8s_openapi::{
    api::{
        apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
        coordination::v1 as coordination, core::v1 as core, networking::v1 as networking,
        policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions,
    schemars::SchemaGenerator,
};
use serde_json::Value;

use super::{ListType, Node, Scalar, Struct, merging, zero};

/// Full names of definitions by `group/Kind`, and the definitions.
struct Known {
    kinds: BTreeMap<String, String>,
    definitions: BTreeMap<String, Node>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(read);

/// A definition by its full name: `io.k8s.api.core.v1.PodSpec`.
pub(super) fn definition(name: &str) -> Option<&'static Node> {
    KNOWN.definitions.get(name)
}

/// The schema of a kind; of anything where it has none.
pub(in crate::kube) fn of(group: &str, kind: &str) -> Node {
    match KNOWN.kinds.get(&format!("{group}/{kind}")) {
        Some(name) => Node::Named(name.clone()),
        None => Node::Any(false),
    }
}

/// `metadata` of every object.
pub(super) fn metadata() -> Node {
    Node::Named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned())
}

fn read() -> Known {
    let mut generator = SchemaGenerator::default();
    let mut kinds = BTreeMap::new();
    macro_rules! learn {
        ($group:literal: $($of:ident::$kind:ident),+) => {
            $(
                let reference = generator.subschema_for::<$of::$kind>();
                let name = reference.as_value()["$ref"].as_str().map(last_of_reference).unwrap_or_default();
                kinds.insert(format!("{}/{}", $group, stringify!($kind)), name.to_owned());
            )+
        };
    }
    learn!("": core::Namespace, core::Node, core::Pod, core::Service, core::ServiceAccount, core::Secret,
        core::ConfigMap, core::PersistentVolumeClaim, core::PersistentVolume, core::Event, core::Endpoints,
        core::ResourceQuota, core::LimitRange);
    learn!("apps": apps::Deployment, apps::ReplicaSet, apps::StatefulSet, apps::DaemonSet);
    learn!("batch": batch::Job, batch::CronJob);
    learn!("rbac.authorization.k8s.io": rbac::Role, rbac::RoleBinding, rbac::ClusterRole, rbac::ClusterRoleBinding);
    learn!("networking.k8s.io": networking::NetworkPolicy, networking::Ingress, networking::IngressClass);
    learn!("policy": policy::PodDisruptionBudget);
    learn!("autoscaling": autoscaling::HorizontalPodAutoscaler);
    learn!("apiextensions.k8s.io": extensions::CustomResourceDefinition);
    learn!("storage.k8s.io": storage::StorageClass);
    learn!("coordination.k8s.io": coordination::Lease);
    learn!("scheduling.k8s.io": scheduling::PriorityClass);
    let definitions = generator
        .take_definitions(true)
        .iter()
        .map(|(name, schema)| (name.clone(), named(name, schema)))
        .collect();
    Known { kinds, definitions }
}

fn last_of_reference(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

/// One definition; a few are more than their JSON schema says.
fn named(name: &str, schema: &Value) -> Node {
    let short = name.rsplit('.').next().unwrap_or_default();
    match short {
        "Quantity" => return Node::Scalar(Scalar::Quantity),
        "IntOrString" => return Node::Scalar(Scalar::IntOrString),
        // Objects of any kind, owned as a whole.
        "JSON" | "RawExtension" => return Node::Any(true),
        _ => {}
    }
    let mut node = read_node(name, schema);
    if let Node::Struct(found) = &mut node {
        short.clone_into(&mut found.name);
        found.atomic = merging::ATOMIC.contains(&short_path(name));
        found.left_out = zero::left_out(short_path(name));
    }
    node
}

/// `core.v1.PodSpec` of `io.k8s.api.core.v1.PodSpec`: enough to tell definitions apart.
pub(super) fn short_path(name: &str) -> &str {
    let start = name.rmatch_indices('.').nth(2).map_or(0, |(at, _)| at + 1);
    &name[start..]
}

fn read_node(owner: &str, schema: &Value) -> Node {
    if let Some(reference) = schema["$ref"].as_str() {
        return Node::Named(last_of_reference(reference).to_owned());
    }
    // A reference with a description of its own.
    if let Some([one]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return read_node(owner, one);
    }
    match schema["type"].as_str() {
        Some("object") => match (&schema["properties"], &schema["additionalProperties"]) {
            (Value::Object(properties), _) => Node::Struct(Struct {
                fields: properties
                    .iter()
                    .map(|(field, schema)| (field.clone(), read_field(owner, field, schema)))
                    .collect(),
                required: texts(&schema["required"]),
                ..Struct::default()
            }),
            (_, values @ Value::Object(_)) => {
                Node::Map { values: Box::new(read_node(owner, values)), atomic: false }
            }
            _ => Node::Any(false),
        },
        Some("array") => {
            Node::List { items: Box::new(read_node(owner, &schema["items"])), merge: ListType::Atomic }
        }
        Some("string") => Node::Scalar(match schema["format"].as_str() {
            Some("byte") => Scalar::Bytes,
            Some("date-time") => Scalar::Time,
            _ => Scalar::Text,
        }),
        Some("integer") => Node::Scalar(Scalar::Integer(schema["format"] == "int64")),
        Some("number") => Node::Scalar(Scalar::Number),
        Some("boolean") => Node::Scalar(Scalar::Boolean),
        _ => Node::Any(false),
    }
}

/// A field, merged as the table says.
fn read_field(owner: &str, field: &str, schema: &Value) -> Node {
    let mut node = read_node(owner, schema);
    let place = short_path(owner);
    match &mut node {
        Node::List { merge, .. } => *merge = merging::list(place, field),
        Node::Map { atomic, .. } => *atomic = merging::ATOMIC_MAPS.contains(&(place, field)),
        _ => {}
    }
    node
}

pub(super) fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
