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

    /// 500 with a message of its own, as the real API answers what it has no reason for.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        let mut refusal = Self::new(500, "", message);
        if let Some(body) = refusal.body.as_object_mut() {
            body.remove("reason");
        }
        refusal
    }

    /// 422 for a patch whose outcome is no object of the kind.
    pub(super) fn invalid_patch(patch: &str, why: &str) -> Self {
        let message = format!("Invalid value: {}: {why}", Value::from(patch));
        let mut refusal = Self::new(422, "Invalid", format!(" \"\" is invalid: patch: {message}"));
        refusal.body["details"] =
            json!({"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "patch"}]});
        refusal
    }

    /// 403 with the reason of an admission plugin.
    pub(super) fn forbidden(kind: &ResourceType, name: &str, why: &str) -> Self {
        Self::new(403, "Forbidden", format!("{} is forbidden: {why}", kind.named(name))).about(kind, name)
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
            .map(|(field, why)| json!({"reason": cause(why), "message": why, "field": field}))
            .collect();
        refusal
    }

    /// 409 of a server-side apply.
    pub(super) fn conflicts(conflicts: &[Conflict]) -> Self {
        let message = match conflicts {
            [one] => format!("Apply failed with 1 conflict: conflict with {}: {}", one.manager, one.field),
            several => {
                let mut managers: Vec<&str> =
                    several.iter().map(|conflict| conflict.manager.as_str()).collect();
                managers.sort_unstable();
                managers.dedup();
                let mut lines = Vec::new();
                for manager in managers {
                    lines.push(format!("conflicts with {manager}:"));
                    let theirs = several.iter().filter(|conflict| conflict.manager == manager);
                    lines.extend(theirs.map(|conflict| format!("- {}", conflict.field)));
                }
                format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
            }
        };
        let mut refusal = Self::new(409, "Conflict", message);
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

/// The reason of a cause, from how its message begins.
fn cause(why: &str) -> &'static str {
    match why.split(':').next().unwrap_or_default() {
        "Required value" => "FieldValueRequired",
        "Forbidden" => "FieldValueForbidden",
        "Unsupported value" => "FieldValueNotSupported",
        "Duplicate value" => "FieldValueDuplicate",
        "Not found" => "FieldValueNotFound",
        _ => "FieldValueInvalid",
    }
}
