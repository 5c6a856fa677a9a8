//! A saved plan: bytes with a digest. What was approved is these bytes.
//!
//! No IO here: the caller reads and writes the file.

use honey_model::{Diagnostic, Digest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Plan, plan::PLAN_VERSION};

/// The document. The digest covers the exact bytes of `plan`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    format: u32,
    digest: Digest,
    #[serde(borrow)]
    plan: &'a RawValue,
}

/// What is read first, so that a later format is named as such.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The digest that names this plan.
pub fn digest(plan: &Plan) -> Digest {
    Digest::of_bytes(&canonical(plan))
}

fn canonical(plan: &Plan) -> Vec<u8> {
    serde_json::to_vec(plan).expect("a plan is plain data and always serialises")
}

/// The bytes to save.
pub fn write(plan: &Plan) -> Vec<u8> {
    let text = String::from_utf8(canonical(plan)).expect("JSON is UTF-8");
    let digest = Digest::of_bytes(text.as_bytes());
    let raw = RawValue::from_string(text).expect("just serialised");
    document(&Document { format: PLAN_VERSION, digest, plan: &raw })
}

fn document(document: &Document<'_>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(document).expect("a document is plain data and always serialises");
    bytes.push(b'\n');
    bytes
}

/// Reads a saved plan. Refuses one that was altered, even by one byte, and one
/// that another version of honey made.
pub fn read(bytes: &[u8], honey_version: &str) -> Result<Plan, Diagnostic> {
    let altered = || {
        Diagnostic::error("HNY0210", "this is not a plan as honey saved it: it was altered or cut")
            .with_help("make a new plan with `honey plan --output FILE`")
    };
    let other = |what: String| {
        Diagnostic::error("HNY0211", format!("the plan was made by {what}"))
            .with_help("make a new plan with this version, or apply it with the one that made it")
    };
    let format: Format = serde_json::from_slice(bytes).map_err(|_| altered())?;
    if format.format != PLAN_VERSION {
        return Err(other(format!(
            "another version of honey (format {}, this is {PLAN_VERSION})",
            format.format
        )));
    }
    let read: Document<'_> = serde_json::from_slice(bytes).map_err(|_| altered())?;
    if Digest::of_bytes(read.plan.get().as_bytes()) != read.digest || document(&read) != bytes {
        return Err(altered());
    }
    let plan: Plan = serde_json::from_str(read.plan.get()).map_err(|_| altered())?;
    if plan.honey != honey_version {
        return Err(other(format!("honey {}, this is {honey_version}", plan.honey)));
    }
    Ok(plan)
}
