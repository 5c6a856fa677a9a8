//! Where images stand in Kubernetes objects. Pure.
//!
//! In the workloads that Kubernetes brings along these are the fields of a pod
//! template. In other kinds it is what looks like one: a field `image` that is
//! a reference. Data of a `ConfigMap` or a `Secret` is text and never an image.

use honey_model::ImageReference;
use serde_json::Value;

/// Fields whose keys are an operator's words and not fields of a kind.
const WORDS: &[&str] = &["annotations", "labels", "matchLabels", "nodeSelector", "selector"];
/// Lists of a pod specification that hold containers.
const CONTAINERS: &[&str] = &["initContainers", "containers", "ephemeralContainers"];

/// One image in an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// JSON pointer to the text.
    pub(crate) pointer: String,
    /// The same place in another version of the object: list items by their name.
    pub(crate) key: String,
    /// Whether the field can be nothing but an image.
    pub(crate) certain: bool,
    /// What stands there.
    pub(crate) text: String,
    /// Whether the image is written in parts, so that no digest can stand there.
    pub(crate) in_parts: bool,
}

/// Every image of an object, in the order in which they stand there.
pub(crate) fn places(object: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    if let Some(pod) = pod_specification(group, kind) {
        pod_images(object, pod, &mut found);
    } else if group.contains('.') && group != "apiextensions.k8s.io" {
        for (name, inner) in object.as_object().into_iter().flatten() {
            if !["metadata", "status"].contains(&name.as_str()) {
                let at = At::default().field(name);
                guess(inner, name, &at, &mut found);
            }
        }
    }
    found
}

/// Puts another image in a place.
pub(crate) fn put(object: &mut Value, place: &Place, image: &str) {
    if let Some(text) = object.pointer_mut(&place.pointer) {
        *text = Value::String(image.to_owned());
    }
}

/// `Deployment/api containers[api].image`, safe to show.
pub(crate) fn shown(object: &Value, place: &Place) -> String {
    let name = object["metadata"]["name"].as_str().unwrap_or("?");
    let kind = object["kind"].as_str().unwrap_or("?");
    // Where a pod's fields stand is known to whoever reads this.
    let field = place.key.rsplit_once("spec.").map_or(place.key.as_str(), |(_, field)| field);
    honey_model::text::visible(&format!("{kind}/{name} {field}"), 200)
}

fn pod_specification(group: &str, kind: &str) -> Option<&'static [&'static str]> {
    match (group, kind) {
        ("", "Pod") => Some(&["spec"]),
        ("", "PodTemplate") => Some(&["template", "spec"]),
        ("batch", "CronJob") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        ("", "ReplicationController")
        | ("batch", "Job")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => {
            Some(&["spec", "template", "spec"])
        }
        _ => None,
    }
}

fn pod_images(object: &Value, path: &[&str], found: &mut Vec<Place>) {
    let at = path.iter().fold(At::default(), |at, name| at.field(name));
    let Some(pod) = object.pointer(&at.pointer) else { return };
    for list in CONTAINERS {
        for (index, container) in items(&pod[*list]) {
            let at = at.field(list).item(index, container).field("image");
            text(&container["image"], &at, true, found);
        }
    }
    for (index, volume) in items(&pod["volumes"]) {
        let at = at.field("volumes").item(index, volume).field("image").field("reference");
        text(&volume["image"]["reference"], &at, true, found);
    }
}

/// Looks through an object of a kind that nobody told us about.
fn guess(value: &Value, name: &str, at: &At, found: &mut Vec<Place>) {
    match value {
        Value::String(_) if name == "image" => text(value, at, false, found),
        Value::Object(fields) => {
            if name == "image" {
                // An image volume, or an image in parts.
                text(&value["reference"], &at.field("reference"), false, found);
                parts(value, at, found);
            }
            for (name, inner) in fields.iter().filter(|(name, _)| !WORDS.contains(&name.as_str())) {
                guess(inner, name, &at.field(name), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                guess(inner, "", &at.item(index, inner), found);
            }
        }
        _ => {}
    }
}

fn text(value: &Value, at: &At, certain: bool, found: &mut Vec<Place>) {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return };
    if certain || ImageReference::parse(text).is_ok() {
        found.push(at.place(text.to_owned(), certain, false));
    }
}

/// `{repository, tag}`: can be named, not pinned.
fn parts(value: &Value, at: &At, found: &mut Vec<Place>) {
    let part = |name: &str| value[name].as_str().filter(|text| !text.is_empty());
    let Some(repository) = part("repository") else { return };
    let pinned = ["digest", "sha"].iter().any(|name| part(name).is_some());
    let host = part("registry").map(|host| format!("{host}/")).unwrap_or_default();
    let tag = part("tag").map(|tag| format!(":{tag}")).unwrap_or_default();
    let whole = format!("{host}{repository}{tag}");
    if !pinned && ImageReference::parse(&whole).is_ok_and(|image| image.digest().is_none()) {
        found.push(at.place(whole, false, true));
    }
}

fn items(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

/// A way into an object.
#[derive(Clone, Default)]
struct At {
    pointer: String,
    key: String,
}

impl At {
    fn field(&self, name: &str) -> Self {
        let dot = if self.key.is_empty() { "" } else { "." };
        Self {
            pointer: format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1")),
            key: format!("{}{dot}{name}", self.key),
        }
    }

    fn item(&self, index: usize, item: &Value) -> Self {
        let name = item["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
        Self { pointer: format!("{}/{index}", self.pointer), key: format!("{}[{name}]", self.key) }
    }

    fn place(&self, text: String, certain: bool, in_parts: bool) -> Place {
        Place { pointer: self.pointer.clone(), key: self.key.clone(), certain, text, in_parts }
    }
}

#[cfg(test)]
mod tests {
    use super::{places, put, shown};
    use serde_json::{Value, json};

    fn texts(object: &Value) -> Vec<String> {
        places(object).into_iter().map(|place| place.text).collect()
    }

    fn pod() -> Value {
        json!({
            "initContainers": [{"name": "a", "image": "r.io/a:1"}],
            "containers": [{"name": "b", "image": "r.io/b:1", "env": [{"name": "image", "value": "r.io/x"}]}],
            "ephemeralContainers": [{"name": "c", "image": "c"}],
            "volumes": [{"name": "v", "image": {"reference": "r.io/v", "pullPolicy": "Always"}}, {"name": "w", "emptyDir": {}}],
        })
    }

    #[test]
    fn every_workload_of_kubernetes_is_known_with_every_list_of_its_pods() {
        let all = ["r.io/a:1", "r.io/b:1", "c", "r.io/v"];
        let template = json!({"spec": {"template": {"spec": pod()}}});
        for (version, kind) in [
            ("apps/v1", "Deployment"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("apps/v1", "ReplicaSet"),
            ("batch/v1", "Job"),
            ("v1", "ReplicationController"),
        ] {
            let mut object = template.clone();
            (object["apiVersion"], object["kind"]) = (json!(version), json!(kind));
            assert_eq!(texts(&object), all, "{kind}");
        }
        assert_eq!(texts(&json!({"apiVersion": "v1", "kind": "Pod", "spec": pod()})), all);
        assert_eq!(
            texts(&json!({"apiVersion": "v1", "kind": "PodTemplate", "template": {"spec": pod()}})),
            all
        );
        assert_eq!(
            texts(&json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": template}})),
            all
        );
    }

    #[test]
    fn other_kinds_are_searched_for_what_can_be_an_image() {
        let object = json!({"apiVersion": "example.org/v1", "kind": "Thing",
            "metadata": {"name": "t", "annotations": {"image": "r.io/no"}},
            "spec": {
                "image": "r.io/one:1",
                "template": {"metadata": {"labels": {"image": "r.io/no"}}, "spec": pod()},
                "steps": [{"name": "s", "image": "r.io/two"}, {"image": "Not An Image"}],
                "proxy": {"image": {"registry": "r.io", "repository": "p/q", "tag": "3"}},
                "pinned": {"image": {"repository": "p/q", "digest": "sha256:00"}},
            },
            "status": {"image": "r.io/no"}});
        let mut found = texts(&object);
        found.sort();
        assert_eq!(found, ["c", "r.io/a:1", "r.io/b:1", "r.io/one:1", "r.io/p/q:3", "r.io/two", "r.io/v"]);
        assert!(places(&object).iter().all(|place| place.in_parts == (place.text == "r.io/p/q:3")));
    }

    #[test]
    fn data_schemas_and_selectors_hold_no_images() {
        for object in [
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"image": "r.io/a"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"image": "r.io/a"}}),
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"selector": {"image": "r.io/a"}}}),
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "spec": {"versions": [{"schema": {"default": {"image": "r.io/a"}}}]}}),
        ] {
            assert_eq!(texts(&object), [""; 0], "{object}");
        }
    }

    #[test]
    fn a_place_is_named_for_people_and_taken_again_in_another_order() {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
            "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s"}, {"name": "api", "image": "a"}]}}}});
        let found = places(&object);
        assert_eq!(shown(&object, &found[1]), "Deployment/api containers[api].image");
        assert_eq!(found[1].key, "spec.template.spec.containers[api].image");
        put(&mut object, &found[1], "b");
        assert_eq!(object["spec"]["template"]["spec"]["containers"][1]["image"], "b");
        assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "s");
    }
}
