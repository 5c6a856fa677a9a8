//! Who owns which field: server-side apply and the bookkeeping of every other write.

use serde_json::{Value, json};

use super::{
    fields::{self, FieldSet},
    schema::Node,
};

/// A field that somebody else owns with another value.
pub(super) struct Conflict {
    /// Who.
    pub(super) manager: String,
    /// Where, as Kubernetes shows it.
    pub(super) field: String,
}

struct Entry {
    manager: String,
    operation: String,
    api_version: String,
    subresource: Option<String>,
    time: String,
    set: FieldSet,
}

fn entries(object: &Value) -> Vec<Entry> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| Entry {
            manager: text(entry, "manager"),
            operation: text(entry, "operation"),
            api_version: text(entry, "apiVersion"),
            subresource: entry["subresource"].as_str().map(str::to_owned),
            time: text(entry, "time"),
            set: fields::decode(&entry["fieldsV1"]),
        })
        .collect()
}

fn store(object: &mut Value, entries: Vec<Entry>) {
    let list: Vec<Value> = entries
        .into_iter()
        .filter(|entry| !entry.set.is_empty())
        .map(|entry| {
            let mut value = json!({
                "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": fields::encode(&entry.set),
            });
            if let Some(subresource) = entry.subresource {
                value["subresource"] = json!(subresource);
            }
            value
        })
        .collect();
    object["metadata"]["managedFields"] = json!(list);
}

/// Who writes, and how.
pub(super) struct Writer<'a> {
    /// Field manager.
    pub(super) manager: &'a str,
    /// Now, as the API writes times.
    pub(super) time: &'a str,
    /// `scale`, `status` …
    pub(super) subresource: Option<&'a str>,
    /// The kind's fields.
    pub(super) schema: &'a Node,
}

/// Server-side apply of `applied` over `live` (None: a new object). Defaults
/// and `managedFields` times are the caller's to keep when nothing changes.
pub(super) fn apply(
    live: Option<&Value>,
    applied: &Value,
    force: bool,
    writer: &Writer<'_>,
) -> Result<Value, Vec<Conflict>> {
    let new_set = fields::leaves(applied, writer.schema);
    let before = live.cloned().unwrap_or_else(|| json!({"metadata": {}}));
    let mut object = before.clone();
    let mut owners = entries(&object);
    let mine = |entry: &Entry| {
        entry.manager == writer.manager
            && entry.operation == "Apply"
            && entry.subresource.as_deref() == writer.subresource
    };
    fields::merge(&mut object, applied, writer.schema);
    if let Some(position) = owners.iter().position(mine) {
        let others = owners.iter().filter(|entry| !mine(entry)).flat_map(|entry| &entry.set);
        let kept: FieldSet = others.chain(&new_set).cloned().collect();
        prune(&mut object, &owners[position].set, &kept, writer.schema);
    }
    let change = fields::difference(&before, &object, writer.schema);
    let mut conflicts = Vec::new();
    for entry in owners.iter_mut().filter(|entry| !mine(entry)) {
        let lost: FieldSet = entry
            .set
            .iter()
            .filter(|path| change.modified.contains(*path) || change.added.contains(*path))
            .cloned()
            .collect();
        conflicts.extend(
            lost.iter().map(|path| Conflict { manager: described(entry), field: fields::show(path) }),
        );
        entry.set.retain(|path| !lost.contains(path) && !change.removed.contains(path));
    }
    if !conflicts.is_empty() && !force {
        return Err(conflicts);
    }
    let position = owners.iter().position(mine);
    match position {
        Some(position) if owners[position].set == new_set => {}
        Some(position) => {
            owners[position].set = new_set;
            writer.time.clone_into(&mut owners[position].time);
        }
        None => owners.push(new_entry(writer, "Apply", &object, new_set)),
    }
    store(&mut object, owners);
    Ok(object)
}

/// Removes what an applier sent before and sends no more, where nobody else owns it: also the
/// declared fields that led to it, with what the API filled in beside it.
fn prune(object: &mut Value, before: &FieldSet, kept: &FieldSet, schema: &Node) {
    let kept = fields::with_parents(kept, schema);
    for path in fields::with_parents(before, schema) {
        let metadata = matches!(path.as_slice(), [fields::Step::Field(name)] if name == "metadata");
        if !metadata && !fields::reaches(&kept, &path) {
            fields::remove_at(object, &path, schema);
        }
    }
}

/// Books a write other than apply: what changed between `before` and `after` is the writer's now.
pub(super) fn book(before: Option<&Value>, after: &mut Value, writer: &Writer<'_>) {
    let none = json!({});
    let before = before.unwrap_or(&none);
    let mut change = fields::difference(before, after, writer.schema);
    change.added.append(&mut change.modified);
    let changed = change.added;
    let known = json!({"metadata": {"managedFields": before["metadata"]["managedFields"]}});
    let mut owners = entries(&known);
    for entry in &mut owners {
        entry.set.retain(|path| !change.removed.contains(path));
    }
    if !changed.is_empty() {
        let mine = |entry: &Entry| {
            entry.manager == writer.manager
                && entry.operation == "Update"
                && entry.subresource.as_deref() == writer.subresource
        };
        for entry in owners.iter_mut().filter(|entry| !mine(entry)) {
            entry.set.retain(|path| !changed.contains(path));
        }
        match owners.iter().position(mine) {
            Some(position) => {
                owners[position].set.extend(changed);
                writer.time.clone_into(&mut owners[position].time);
            }
            None => owners.push(new_entry(writer, "Update", after, changed)),
        }
    }
    store(after, owners);
}

fn new_entry(writer: &Writer<'_>, operation: &str, object: &Value, set: FieldSet) -> Entry {
    Entry {
        manager: writer.manager.to_owned(),
        operation: operation.to_owned(),
        api_version: object["apiVersion"].as_str().unwrap_or_default().to_owned(),
        subresource: writer.subresource.map(str::to_owned),
        time: writer.time.to_owned(),
        set,
    }
}

fn described(entry: &Entry) -> String {
    let with =
        entry.subresource.as_ref().map(|name| format!(" with subresource \"{name}\"")).unwrap_or_default();
    let using =
        if entry.operation == "Apply" { String::new() } else { format!(" using {}", entry.api_version) };
    format!("\"{}\"{with}{using}", entry.manager)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::{Value, json};

    use super::{Writer, apply, book};
    use crate::kube::schema::{Node, built_in};

    static DEPLOYMENT: LazyLock<Node> = LazyLock::new(|| built_in::of("apps", "Deployment"));

    fn writer(manager: &str) -> Writer<'_> {
        Writer { manager, time: "2026-01-01T00:00:00Z", subresource: None, schema: &DEPLOYMENT }
    }

    fn config(replicas: u32, label: Option<&str>) -> Value {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": replicas}});
        if let Some(label) = label {
            object["metadata"]["labels"] = json!({"l": label});
        }
        object
    }

    #[test]
    fn fields_no_longer_applied_go_away() {
        let first = apply(None, &config(1, Some("x")), false, &writer("honey")).ok().unwrap();
        let second = apply(Some(&first), &config(1, None), false, &writer("honey")).ok().unwrap();
        assert!(second["metadata"].get("labels").is_none());
    }

    #[test]
    fn a_field_of_another_is_a_conflict_until_forced() {
        let first = apply(None, &config(1, None), false, &writer("honey")).ok().unwrap();
        let mut scaled = first.clone();
        scaled["spec"]["replicas"] = json!(5);
        book(Some(&first), &mut scaled, &writer("kubectl-scale"));
        let conflicts = apply(Some(&scaled), &config(2, None), false, &writer("honey")).err().unwrap();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].field, ".spec.replicas");
        assert!(conflicts[0].manager.contains("kubectl-scale"), "{}", conflicts[0].manager);
        let forced = apply(Some(&scaled), &config(2, None), true, &writer("honey")).ok().unwrap();
        assert_eq!(forced["spec"]["replicas"], 2);
        assert_eq!(
            forced["metadata"]["managedFields"].as_array().unwrap().len(),
            1,
            "the other owns nothing now"
        );
    }

    #[test]
    fn the_same_value_is_shared_not_a_conflict() {
        let first = apply(None, &config(1, None), false, &writer("one")).ok().unwrap();
        let both = apply(Some(&first), &config(1, None), false, &writer("two")).ok().unwrap();
        assert_eq!(both["metadata"]["managedFields"].as_array().unwrap().len(), 2);
    }
}
