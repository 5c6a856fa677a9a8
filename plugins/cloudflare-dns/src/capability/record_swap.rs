//! `record-swap`: moves several record sets of a zone at once, or none. A read
//! right before proves the values that are expected. Between the two there is
//! one round trip, which the vendor gives nobody a way to close: a record that
//! vanishes or appears in it makes the vendor refuse the whole batch, after
//! which the values are looked at again; a record that was only touched shows
//! in the answer.

use honey_sdk::{
    Context, Fault, Ownership,
    capability::{RecordSet, RecordSwap, Replacement, SwapError},
    log,
    marks::Marks,
    set,
};

use crate::{
    CloudflareDns,
    batch::{Batch, BatchResult, Wanted},
    kind::{MARK_LIMIT, Unsure, not_ours, ownership, repeat_when_unsure},
    record::{AUTOMATIC_TTL, Record, normal_name, normal_value},
};

/// Up to so many names are asked for one by one; above it one list of the whole zone is less.
const FEW_NAMES: usize = 1;

impl RecordSwap for CloudflareDns {
    fn current(
        &self,
        _ctx: Context,
        zone: &str,
        wanted: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault> {
        let zone_id = self.api.zone_id(&normal_name(zone))?;
        let sets = self.found(&zone_id, wanted)?;
        Ok(wanted
            .iter()
            .zip(&sets)
            .map(|((name, record_type), found)| set_of(name, record_type, found))
            .collect())
    }

    fn swap(&self, ctx: Context, zone: &str, swaps: &[Replacement]) -> Result<Vec<RecordSet>, SwapError> {
        let zone_id = self.api.zone_id(&normal_name(zone))?;
        let marks = Marks::of(ctx, MARK_LIMIT);
        let wanted: Vec<(String, String)> =
            swaps.iter().map(|swap| (swap.name.clone(), swap.type_.clone())).collect();
        let after: Vec<Vec<String>> =
            swaps.iter().map(|swap| normal(&swap.type_, &swap.set)).collect::<Result<_, _>>()?;
        repeat_when_unsure(|| {
            let sets = self.found(&zone_id, &wanted)?;
            let mut batch = Batch::default();
            for ((swap, found), values) in swaps.iter().zip(&sets).zip(&after) {
                let current = values_of(found);
                if current == *values {
                    continue;
                }
                if current != normal(&swap.type_, &swap.expect)? {
                    return Err(SwapError::Moved(set_of(&swap.name, &swap.type_, found)));
                }
                if let Some(stranger) =
                    found.iter().find(|record| ownership(record, &marks) != Ownership::Ours)
                {
                    return Err(not_ours(&swap.type_, &swap.name, stranger).into());
                }
                let name = normal_name(&swap.name);
                batch.reconcile(
                    found,
                    &Wanted { name: &name, record_type: &swap.type_, values, settings: None },
                );
            }
            if !batch.is_empty() {
                ctx.progress(&format!("{} records in one transaction", batch.len()));
                warn_of_changes(&sets, &self.api.batch(&zone_id, &batch)?);
            }
            let done = swaps.iter().zip(&sets).zip(&after).map(|((swap, found), values)| RecordSet {
                values: values.clone(),
                ..set_of(&swap.name, &swap.type_, found)
            });
            Ok(done.collect())
        })
    }
}

/// The batch only names the new values. What it leaves alone must be as it was
/// when it was looked at, or somebody was here in between.
fn warn_of_changes(found: &[Vec<Record>], result: &BatchResult) {
    for now in result.patches.iter().flatten() {
        let before = found.iter().flatten().find(|record| record.id == now.id);
        if before.is_some_and(|before| {
            (before.ttl, before.proxied, &before.comment) != (now.ttl, now.proxied, &now.comment)
        }) {
            log::warn(&format!(
                "{} {}: somebody else changed the record right before the swap; its TTL, proxy state or comment is another one now",
                now.record_type, now.name
            ));
        }
    }
}

impl Unsure for SwapError {
    fn is_unsure(&self) -> bool {
        matches!(self, Self::Failed(fault) if fault.is_unsure())
    }
}

impl CloudflareDns {
    /// The records of each wanted set, in the order asked, with the fewest calls.
    fn found(&self, zone_id: &str, wanted: &[(String, String)]) -> Result<Vec<Vec<Record>>, Fault> {
        let mut names: Vec<String> = wanted.iter().map(|(name, _)| normal_name(name)).collect();
        names.sort();
        names.dedup();
        let mut records = Vec::new();
        if names.len() <= FEW_NAMES {
            for name in &names {
                records.extend(self.api.records_at(zone_id, name, None)?);
            }
        } else {
            records = self.api.records(zone_id)?;
        }
        Ok(wanted.iter().map(|(name, record_type)| of(&records, name, record_type)).collect())
    }
}

/// The records of one set.
fn of(records: &[Record], name: &str, record_type: &str) -> Vec<Record> {
    let name = normal_name(name);
    let here = |record: &&Record| normal_name(&record.name) == name && record.record_type == record_type;
    records.iter().filter(here).cloned().collect()
}

fn normal(record_type: &str, values: &[String]) -> Result<Vec<String>, Fault> {
    let normal = values.iter().map(|value| normal_value(record_type, value)).collect::<Result<Vec<_>, _>>();
    normal.map(set::normal).map_err(|why| Fault::invalid("cloudflare-dns::value", why))
}

fn values_of(found: &[Record]) -> Vec<String> {
    let mut values: Vec<String> = found.iter().map(Record::value).collect();
    values.sort();
    values
}

/// A set that does not exist has no values.
fn set_of(name: &str, record_type: &str, found: &[Record]) -> RecordSet {
    RecordSet {
        name: normal_name(name),
        type_: record_type.to_owned(),
        values: values_of(found),
        proxied: found.first().is_some_and(|record| record.proxied),
        ttl: found.first().map_or(AUTOMATIC_TTL, |record| record.ttl),
    }
}
