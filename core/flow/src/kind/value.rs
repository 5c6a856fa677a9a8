//! `value`: a named value that others may refer to. Lives in the state only.

use async_trait::async_trait;
use honey_model::{Fault, Found, KindSchema, Ownership};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Target};
use serde_json::{Value, json};

use super::Kind;

pub(super) struct PlainValue;

#[async_trait]
impl Kind for PlainValue {
    fn schema(&self) -> KindSchema {
        KindSchema {
            kind: "value".to_owned(),
            version: 1,
            description: "A named value; its input is its output".to_owned(),
            ..KindSchema::default()
        }
    }

    /// The state is the only place where it is: observing means believing the record.
    async fn read(&self, _context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        Ok(target.id.and(target.desired).map(|desired| found(target.id.unwrap_or_default(), desired)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return Ok(None);
        }
        Ok(request.desired.map(|desired| found(context.address.as_str(), desired)))
    }
}

fn found(id: &str, desired: &Value) -> Found {
    Found::new(id, desired.clone(), json!({ "value": desired.get("input") }), Ownership::Ours)
}
