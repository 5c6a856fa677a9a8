//! The schemas of built-in kinds beside the published specification, and what
//! is said of objects that do not fit.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{ListType, Node, Scalar, built_in, custom::Custom, decode, typed};

fn published() -> Option<Value> {
    let Some(folder) = std::env::var_os("HONEY_SPECS") else {
        eprintln!("skipped: HONEY_SPECS names no folder with specifications");
        return None;
    };
    let folder = PathBuf::from(folder).join("kubernetes");
    let file = fs::read_dir(&folder).unwrap().filter_map(Result::ok).map(|entry| entry.path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("swagger.v1.34"))
    });
    Some(serde_json::from_slice(&fs::read(file.expect("swagger.v1.34*.json")).unwrap()).unwrap())
}

fn list_type(schema: &Value) -> ListType {
    match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array().unwrap();
            let key = |key: &Value| {
                let key = key.as_str().unwrap().to_owned();
                let default = (key == "protocol").then(|| "TCP".to_owned());
                (key, default)
            };
            ListType::Keyed(keys.iter().map(key).collect())
        }
        _ => ListType::Atomic,
    }
}

/// What differs between one definition of ours and the published one.
fn differences(name: &str, node: &Node, wanted: &Value, definitions: &Value, found: &mut Vec<String>) {
    let Node::Struct(ours) = node else { return };
    let fields = wanted["properties"].as_object().cloned().unwrap_or_default();
    let names: Vec<&String> = ours.fields.keys().collect();
    let theirs: Vec<&String> = fields.keys().collect();
    if names != theirs {
        found.push(format!("{name}: {names:?} and not {theirs:?}"));
    }
    if ours.atomic != (wanted["x-kubernetes-map-type"] == "atomic") {
        found.push(format!("{name}: one owner: {}", ours.atomic));
    }
    for (field, schema) in &fields {
        let Some(node) = ours.fields.get(field) else { continue };
        let target = schema["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap());
        let schema = target.map_or(schema, |target| &definitions[target]);
        let place = format!("{name}.{field}");
        match (node.resolve(), schema["type"].as_str()) {
            (Node::List { merge, .. }, Some("array")) => {
                if *merge != list_type(schema) {
                    found.push(format!("{place}: {merge:?} and not {:?}", list_type(schema)));
                }
            }
            (Node::Map { atomic, .. }, Some("object")) => {
                if *atomic != (schema["x-kubernetes-map-type"] == "atomic") {
                    found.push(format!("{place}: one owner: {atomic}"));
                }
            }
            (Node::Struct(_), Some("object")) | (Node::Any(_), _) => {}
            (Node::Scalar(Scalar::Boolean), Some("boolean")) => {}
            (Node::Scalar(Scalar::Integer(wide)), Some("integer"))
                if *wide == (schema["format"] == "int64") => {}
            (Node::Scalar(Scalar::Number), Some("number")) => {}
            (Node::Scalar(scalar), Some("string")) => {
                let format = schema["format"].as_str().unwrap_or_default();
                let fits = match scalar {
                    Scalar::Bytes => format == "byte",
                    Scalar::Time => format == "date-time",
                    Scalar::IntOrString => format == "int-or-string",
                    Scalar::Quantity => target.is_some_and(|name| name.ends_with(".Quantity")),
                    Scalar::Text => format.is_empty(),
                    _ => false,
                };
                if !fits {
                    found.push(format!("{place}: {scalar:?} and not a string of {format:?}"));
                }
            }
            (node, kind) => found.push(format!("{place}: {node:?} and not {kind:?}")),
        }
    }
}

#[test]
fn fields_types_and_merging_are_those_of_the_published_specification() {
    let Some(published) = published() else { return };
    let definitions = published["definitions"].as_object().unwrap();
    let mut found = Vec::new();
    let mut compared = 0;
    for (name, wanted) in definitions {
        if let Some(node) = built_in::definition(name) {
            differences(name, node, wanted, &published["definitions"], &mut found);
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared} definitions of {}", definitions.len());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn faults_are_named_with_their_place_as_the_real_merge_does() {
    let node = built_in::of("apps", "Deployment");
    let object = json!({"metadata": {"name": "x", "labels": {"tier": 3}}, "spec": {
        "replicas": "2", "paused": "no",
        "template": {"spec": {
            "containers": [
                {"name": "api", "image": "i", "zenf": [], "env": [{"name": "PORT", "value": 8080}, {"name": "PORT"}]},
                {"image": "i"},
            ],
            "volumes": {"name": "x"}, "nodeSelector": ["a"], "tolerations": [{"kee": "x"}],
        }},
    }});
    let container = ".spec.template.spec.containers[name=\"api\"]";
    let mut wanted = [
        ".metadata.labels.tier: expected string, got &value.valueUnstructured{Value:3}".to_owned(),
        ".spec.paused: expected boolean, got &{no}".into(),
        ".spec.replicas: expected numeric (int or float), got string".into(),
        format!("{container}.zenf: field not declared in schema"),
        format!("{container}.env: duplicate entries for key [name=\"PORT\"]"),
        format!(
            "{container}.env[name=\"PORT\"].value: expected string, got &value.valueUnstructured{{Value:8080}}"
        ),
        ".spec.template.spec.containers: element 1: associative list with keys has an element that omits all key fields [\"name\"] (and doesn't have default values for any key fields)".into(),
        ".spec.template.spec.nodeSelector: expected map, got &{[a]}".into(),
        ".spec.template.spec.tolerations[0].kee: field not declared in schema".into(),
        ".spec.template.spec.volumes: expected list, got &{map[name:x]}".into(),
    ];
    let mut found = typed::faults(&object, &node);
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(typed::message(&found[..2]), format!("errors:\n  {}\n  {}", found[0], found[1]));
    assert_eq!(typed::message(&found[..1]), found[0]);
}

#[test]
fn a_typed_object_keeps_what_its_kind_has() {
    let node = built_in::of("apps", "Deployment");
    let mut object = json!({"metadata": {"name": "x", "labels": {}, "colour": "red"}, "spec": {
        "replicas": 1, "paused": null,
        "template": {"spec": {"volumes": [], "hostNetwork": false, "automountServiceAccountToken": false, "containers": [{
            "name": "api", "foo": 1, "env": [{"name": "EMPTY", "value": ""}],
            "securityContext": {"runAsNonRoot": false},
            "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}, "requests": {}},
        }]}},
    }});
    let decoded = decode::built_in(&mut object, &node).unwrap();
    assert_eq!(decoded.unknown, ["metadata.colour", "spec.template.spec.containers[0].foo"]);
    assert_eq!(
        object,
        json!({"metadata": {"name": "x"}, "spec": {"replicas": 1, "template": {"spec": {"automountServiceAccountToken": false, "containers": [
            {"name": "api", "env": [{"name": "EMPTY"}], "securityContext": {"runAsNonRoot": false}, "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}},
        ]}}}})
    );
    for (spec, why) in [
        (
            json!({"replicas": "1"}),
            "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            json!({"replicas": 1.5}),
            "cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            json!({"template": {"spec": {"containers": [{"env": [{"value": true}]}]}}}),
            "cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            json!({"template": {"spec": {"containers": {}}}}),
            "cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            json!({"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "much"}}}]}}}),
            "quantities must match the regular expression",
        ),
    ] {
        let error = decode::built_in(&mut json!({"spec": spec}), &node).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_definition_says_what_its_objects_have() {
    let custom = Custom::new(&json!({"type": "object", "properties": {"spec": {
        "type": "object", "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1},
            "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "note": {"type": "string", "nullable": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
        },
    }}}));
    let mut object = json!({"apiVersion": "x/v1", "kind": "X", "metadata": {"name": "x"}, "spec": {
        "size": 1, "colour": "red", "port": "http", "note": null, "free": {"any": [{"thing": 1}]}, "parts": [{"id": "a", "b": 1}],
    }});
    assert_eq!(typed::faults(&object, &custom.root), [".spec.colour: field not declared in schema"]);
    assert_eq!(decode::prune(&mut object, &custom.root).unknown, ["spec.colour", "spec.parts[0].b"]);
    custom.fill(&mut object);
    assert_eq!(object["spec"]["mode"], "a");
    assert_eq!(object["spec"]["free"], json!({"any": [{"thing": 1}]}));
    assert_eq!(custom.check(&object), []);
    object["spec"] = json!({"mode": "c", "port": true});
    let faults = custom.check(&object);
    let of = |field: &str| faults.iter().find(|(place, _)| place == field).map(|(_, why)| why.as_str());
    assert_eq!(of("spec.size"), Some("Required value"));
    assert_eq!(of("spec.mode"), Some("Unsupported value: \"c\": supported values: \"a\", \"b\""));
    assert!(of("spec.port").is_some(), "{faults:?}");
    object["spec"] = json!({"size": "big"});
    assert_eq!(
        custom.check(&object),
        [(
            "spec.size".to_owned(),
            "Invalid value: \"string\": spec.size in body must be of type integer: \"string\"".to_owned()
        )]
    );
}
