//! From the records of an interrupted run to what is left to do.

use honey_model::{Fault, FaultClass, State};
use honey_plan::Plan;
use serde_json::Value;

use crate::record::{Ledger, Stage};

/// Reads a journal's records; anything that cannot have happened is a fault.
pub fn read(records: &[Value]) -> Result<Ledger, Fault> {
    let mut ledger = Ledger::default();
    for (number, record) in records.iter().enumerate() {
        let entry = serde_json::from_value(record.clone()).map_err(|error| {
            let message = format!("record {} of the journal cannot be read: {error}", number + 1);
            Fault::new(FaultClass::Malformed, "HNY0303", message)
        })?;
        ledger.take(entry)?;
    }
    Ok(ledger)
}

/// The state that a run starts from: the saved one, with everything that the
/// journal says was done since. With no saved state, the one that the plan
/// was made for.
pub fn state(plan: &Plan, saved: Option<State>, ledger: &Ledger) -> Result<State, Fault> {
    let mut state =
        saved.unwrap_or_else(|| State { serial: plan.serial, ..State::empty(plan.lineage.clone()) });
    if state.lineage != plan.lineage {
        let message = "the run belongs to the state of another project";
        return Err(Fault::new(FaultClass::Conflict, "HNY0308", message));
    }
    for (address, progress) in ledger.operations() {
        match (&progress.result, progress.stage) {
            (Some(record), Stage::Done) => {
                state.resources.insert(address.clone(), record.clone());
            }
            (None, Stage::Done) => drop(state.resources.remove(address)),
            _ if progress.deleted => drop(state.resources.remove(address)),
            _ => {}
        }
    }
    Ok(state)
}
