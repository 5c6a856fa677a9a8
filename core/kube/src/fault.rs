//! From what kube reports to what the operator reads.

use std::{error::Error, time::Duration};

use honey_model::{Fault, FaultClass, VendorError, text::visible};
use honey_ports::cluster::FieldOwner;
use kube::core::Status;

/// No server answered.
pub(crate) const UNREACHABLE: &str = "HNY0601";
/// The API does not accept our credentials.
pub(crate) const UNAUTHORIZED: &str = "HNY0602";
/// The API knows us and refuses.
pub(crate) const FORBIDDEN: &str = "HNY0603";
/// The server is not who it should be.
pub(crate) const TLS: &str = "HNY0604";
/// The kubeconfig cannot be used.
pub(crate) const KUBECONFIG: &str = "HNY0605";
/// The API has no such kind.
pub(crate) const UNKNOWN_KIND: &str = "HNY0606";
/// Another manager owns fields.
pub(crate) const CONFLICT: &str = "HNY0607";
/// The API refuses the object.
pub(crate) const REFUSED: &str = "HNY0608";
/// Not ready in the time given.
pub(crate) const NOT_READY: &str = "HNY0609";
/// Failed for good.
pub(crate) const FAILED: &str = "HNY0610";
/// Not gone in the time given.
pub(crate) const NOT_GONE: &str = "HNY0611";
/// The API itself fails.
pub(crate) const API_FAILS: &str = "HNY0612";
/// The answer cannot be understood.
pub(crate) const MALFORMED: &str = "HNY0613";
/// An object without apiVersion, kind or name.
pub(crate) const NOT_AN_OBJECT: &str = "HNY0614";
/// A field that cannot change.
pub(crate) const IMMUTABLE: &str = honey_ports::cluster::IMMUTABLE;
/// The namespace is on its way out.
pub(crate) const TERMINATING: &str = "HNY0616";
/// No such object.
pub(crate) const MISSING: &str = "HNY0617";
/// The operator asked to stop.
pub(crate) const CANCELED: &str = "HNY0618";

/// How much of a remote text is shown.
const SHOWN: usize = 600;

/// A remote text, bounded and escaped.
pub(crate) fn shown(text: &str) -> String {
    visible(text, SHOWN)
}

/// What kube reported, as a fault. `what` is the sentence's start: `cannot apply Deployment honeydue/api`.
pub(crate) fn from_kube(what: &str, error: &kube::Error) -> Fault {
    match error {
        kube::Error::Api(status) => from_status(what, status),
        kube::Error::SerdeError(error) => Fault::new(
            FaultClass::Malformed,
            MALFORMED,
            format!("{what}: the API's answer cannot be read: {}", shown(&error.to_string())),
        ),
        kube::Error::Auth(error) => unauthorized(&format!("{what}: {}", shown(&error.to_string()))),
        kube::Error::RustlsTls(error) => Fault::new(
            FaultClass::Invalid,
            KUBECONFIG,
            format!("{what}: the kubeconfig's certificates cannot be used: {}", shown(&chain(error))),
        )
        .with_help("fetch the kubeconfig from the cluster again: `honey apply` does it"),
        other => from_transport(what, other),
    }
}

/// Whether another server is asked: the request found no API, or one that is
/// not ready (its etcd lost its leader, it just started) and did nothing.
pub(crate) fn is_elsewhere(error: &kube::Error) -> bool {
    is_transport(error) || matches!(error, kube::Error::Api(status) if status.code == 503)
}

/// Whether the request found no API.
pub(crate) fn is_transport(error: &kube::Error) -> bool {
    matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(next) = source {
        let more = next.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = next.source();
    }
    text
}

fn from_transport(what: &str, error: &kube::Error) -> Fault {
    let text = chain(error);
    let certificate = ["certificate", "UnknownIssuer", "BadSignature", "NotValidForName", "HandshakeFailure"];
    if certificate.iter().any(|word| text.contains(word)) {
        return Fault::new(FaultClass::Auth, TLS, format!("{what}: the server's certificate is not the cluster's: {}", shown(&text)))
            .with_help("if the cluster was rebuilt, fetch its kubeconfig again (`honey apply`); otherwise something else answers at this address");
    }
    Fault::new(
        FaultClass::Transient,
        UNREACHABLE,
        format!("{what}: the Kubernetes API does not answer: {}", shown(&text)),
    )
    .with_help("check that the servers run and that port 6443 is open to this machine")
}

/// No answer in time.
pub(crate) fn timed_out(what: &str, after: Duration) -> Fault {
    Fault::new(
        FaultClass::Timeout,
        UNREACHABLE,
        format!("{what}: no answer from the Kubernetes API within {} s", after.as_secs()),
    )
    .with_help("check that the servers run and that port 6443 is open to this machine")
}

/// The operator asked to stop.
pub(crate) fn canceled(what: &str) -> Fault {
    Fault::new(FaultClass::Canceled, CANCELED, format!("{what}: stopped as asked"))
}

fn unauthorized(message: &str) -> Fault {
    Fault::new(FaultClass::Auth, UNAUTHORIZED, message.to_owned()).with_help(
        "the kubeconfig's credentials are not this cluster's or have expired; fetch it again (`honey apply`)",
    )
}

fn from_status(what: &str, status: &Status) -> Fault {
    let words = shown(&status.message);
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let has_cause = |reason: &str| {
        status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.reason == reason)
    };
    let mut fault = match status.code {
        401 => unauthorized(&format!("{what}: the API does not accept our credentials")),
        403 if has_cause("NamespaceTerminating") => Fault::new(
            FaultClass::Locked,
            TERMINATING,
            format!("{what}: the namespace is being deleted"),
        )
        .with_help(
            "wait until the namespace is gone and run again; if it never goes, look for finalizers in it",
        ),
        403 if status.message.contains("exceeded quota") => {
            Fault::new(FaultClass::Quota, FORBIDDEN, format!("{what}: a resource quota is used up"))
        }
        403 => Fault::new(FaultClass::Forbidden, FORBIDDEN, format!("{what}: the API does not allow it")),
        404 => Fault::new(FaultClass::NotFound, MISSING, format!("{what}: not found")),
        409 if has_cause("FieldManagerConflict") => conflict(what, status),
        409 => {
            Fault::new(FaultClass::Conflict, CONFLICT, format!("{what}: the object has changed meanwhile"))
        }
        422 if cannot_change(&status.message) => {
            let mut fields: Vec<&str> = causes.map(|cause| cause.field.as_str()).collect();
            fields.sort_unstable();
            fields.dedup();
            Fault::new(
                FaultClass::Conflict,
                IMMUTABLE,
                format!("{what}: {} cannot change", shown(&fields.join(", "))),
            )
            .with_help("`honey plan` shows the object as a replacement: deleted and made again")
        }
        400 | 413 | 415 | 422 => {
            Fault::new(FaultClass::Invalid, REFUSED, format!("{what}: the API refuses the object"))
        }
        // A field or a type that the schema does not have is an error of the server to server-side apply.
        500 if ["failed to create typed", "failed to convert new object"]
            .iter()
            .any(|start| status.message.starts_with(start)) =>
        {
            Fault::new(FaultClass::Invalid, REFUSED, format!("{what}: the API refuses the object"))
        }
        408 | 504 => {
            Fault::new(FaultClass::Timeout, API_FAILS, format!("{what}: the API did not finish in time"))
        }
        429 => Fault::new(FaultClass::RateLimited, API_FAILS, format!("{what}: the API has too much to do")),
        _ => Fault::new(FaultClass::Transient, API_FAILS, format!("{what}: the API fails"))
            .with_help("look at the servers: `journalctl -u k3s`; honey can be run again at any time"),
    };
    fault.retry_after = status
        .details
        .as_ref()
        .filter(|details| details.retry_after_seconds > 0)
        .map(|details| Duration::from_secs(u64::from(details.retry_after_seconds)));
    fault.vendor = Some(VendorError {
        status: status.code,
        code: shown(&status.reason),
        message: words,
        request_id: None,
    });
    fault
}

/// Whether the API says that an object cannot become another one. Its validation has no code of its
/// own for this; these are the sentences of the Kubernetes sources (pkg/apis/*/validation).
fn cannot_change(message: &str) -> bool {
    const SENTENCES: &[&str] = &[
        "immutable",
        "updates to statefulset spec for fields other than",
        "pod updates may not change fields other than",
        "cannot change roleRef",
        "may not change once set",
        ": Forbidden: updates to ",
        "field can not be less than",
        "may not be changed in an update",
        "may not be updated",
    ];
    SENTENCES.iter().any(|sentence| message.contains(sentence))
}

/// Who owns the fields of a conflict; none for any other refusal.
pub(crate) fn owners(error: &kube::Error) -> Option<Vec<FieldOwner>> {
    let kube::Error::Api(status) = error else { return None };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut owners: Vec<FieldOwner> = causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            // `conflict with "kubectl" with subresource "scale" using apps/v1`
            let quoted: Vec<&str> = cause.message.split('"').collect();
            let manager = quoted.get(1).copied().unwrap_or(&cause.message);
            let through = quoted.get(2).is_some_and(|text| text.contains("subresource"));
            FieldOwner {
                manager: visible(manager, 120),
                subresource: quoted.get(3).filter(|_| through).map(|name| visible(name, 60)),
                field: visible(cause.field.trim_start_matches('.'), 300),
            }
        })
        .collect();
    owners.sort();
    owners.dedup();
    (status.code == 409 && !owners.is_empty()).then_some(owners)
}

fn conflict(what: &str, status: &Status) -> Fault {
    let mut by_manager: Vec<(String, Vec<String>)> = Vec::new();
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        if cause.reason != "FieldManagerConflict" {
            continue;
        }
        let manager = visible(cause.message.strip_prefix("conflict with ").unwrap_or(&cause.message), 120);
        let field = visible(&cause.field, 160);
        match by_manager.iter_mut().find(|(known, _)| *known == manager) {
            Some((_, fields)) => fields.push(field),
            None => by_manager.push((manager, vec![field])),
        }
    }
    let list: Vec<String> = by_manager
        .iter()
        .map(|(manager, fields)| {
            let more = fields.len().saturating_sub(8);
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{manager} owns {}{tail}", fields.iter().take(8).cloned().collect::<Vec<_>>().join(", "))
        })
        .collect();
    Fault::new(FaultClass::Conflict, CONFLICT, format!("{what}: {}", list.join("; "))).with_help(
        "`honey apply --abandon`, then `honey apply`: its plan says from whom each field is taken over",
    )
}

/// Whether a conflict is only with honey's own earlier writes of another form (its scale calls).
pub(crate) fn only_with_ourselves(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let ours = format!("conflict with \"{}\"", crate::FIELD_MANAGER);
    let mut causes = status.details.iter().flat_map(|details| &details.causes).peekable();
    status.code == 409
        && causes.peek().is_some()
        && causes.all(|cause| cause.reason == "FieldManagerConflict" && cause.message.starts_with(&ours))
}
