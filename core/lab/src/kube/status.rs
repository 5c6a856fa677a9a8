//! What the API answers when it refuses: `Status` objects.

use serde_json::{Value, json};

use super::{ownership::Conflict, resource::ResourceType};

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Refusal {
    /// With code, reason and message.
    pub(super) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message.into(), "reason": reason, "code": code,
        });
        Self { code, body }
    }

    fn about(mut self, kind: &ResourceType, name: &str) -> Self {
        self.body["details"] = json!({"name": name, "group": kind.group, "kind": kind.plural});
        self
    }

    pub(super) fn not_found(kind: &ResourceType, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} not found", kind.named(name))).about(kind, name)
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn exists(kind: &ResourceType, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} already exists", kind.named(name))).about(kind, name)
    }

    pub(super) fn stale(kind: &ResourceType, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {}: {why}", kind.named(name)))
            .about(kind, name)
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 422 with the fields that are wrong.
    pub(super) fn invalid(kind: &ResourceType, name: &str, causes: &[(String, String)]) -> Self {
        let list: Vec<String> = causes.iter().map(|(field, why)| format!("{field}: {why}")).collect();
        let listed = if list.len() == 1 { list[0].clone() } else { format!("[{}]", list.join(", ")) };
        let full =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let mut refusal =
            Self::new(422, "Invalid", format!("{full} \"{name}\" is invalid: {listed}")).about(kind, name);
        refusal.body["details"]["causes"] = causes
            .iter()
            .map(|(field, why)| json!({"reason": "FieldValueInvalid", "message": why, "field": field}))
            .collect();
        refusal
    }

    /// 409 of a server-side apply.
    pub(super) fn conflicts(conflicts: &[Conflict]) -> Self {
        let plural = if conflicts.len() == 1 {
            "1 conflict".to_owned()
        } else {
            format!("{} conflicts", conflicts.len())
        };
        let list: Vec<String> = conflicts
            .iter()
            .map(|conflict| format!("conflict with {}: {}", conflict.manager, conflict.field))
            .collect();
        let mut refusal =
            Self::new(409, "Conflict", format!("Apply failed with {plural}: {}", list.join(", ")));
        refusal.body["details"] = json!({"causes": conflicts
            .iter()
            .map(|conflict| json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {}", conflict.manager),
                "field": conflict.field,
            }))
            .collect::<Vec<_>>()});
        refusal
    }
}
