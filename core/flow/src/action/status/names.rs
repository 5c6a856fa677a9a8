//! Where the public names lead: as the vendor has them now, and as recorded
//! where nobody can be asked.

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Address, Fault, FaultClass, State};
use honey_ports::CallContext;
use serde::Serialize;

use super::of_scope;
use crate::{Session, phase::prepare::capability};

/// How long the vendor of the names may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Where the names lead.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Names {
    /// One line a record set.
    pub records: Vec<RecordLine>,
    /// Why the vendor could not be asked: the lines are what honey recorded.
    pub unknown: Option<Fault>,
}

/// One record set.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RecordLine {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA`
    pub record_type: String,
    /// Its values, sorted; none where it does not exist.
    pub values: Vec<String>,
    /// Whether honey made it. Of honey's names every address counts, whoever put it there.
    pub recorded: bool,
}

/// Both families of every name that honey made a record of.
pub(super) async fn observe(session: &Session, state: &State) -> Names {
    let recorded = recorded(state);
    let as_recorded = |unknown: Option<Fault>| {
        let line = |((name, record_type), values): (&(String, String), &Vec<String>)| RecordLine {
            name: name.clone(),
            record_type: record_type.clone(),
            values: values.clone(),
            recorded: true,
        };
        Names { records: recorded.iter().map(line).collect(), unknown }
    };
    let Some(dns) = session.config.dns.as_ref().filter(|_| !recorded.is_empty()) else {
        return as_recorded(None);
    };
    let plugin = match capability(session, &dns.plugin) {
        Ok(plugin) => plugin,
        Err(fault) => return as_recorded(Some(fault)),
    };
    // An old AAAA record leads half of the world elsewhere, though honey made none.
    let mut wanted: Vec<(String, String)> = Vec::new();
    for (name, _) in recorded.keys() {
        for family in ["A", "AAAA"] {
            let one = (name.clone(), family.to_owned());
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
    }
    let context = CallContext { deadline: LIMIT, ..session.reading(&Address::of(&["dns", "status"])) };
    let answer = tokio::time::timeout(LIMIT, plugin.current(&context, &dns.zone, &wanted)).await;
    let current = match answer {
        Ok(Ok(current)) => current,
        Ok(Err(fault)) => return as_recorded(Some(fault)),
        Err(_) => {
            let text = format!("`{}` did not answer within {} s", dns.plugin, LIMIT.as_secs());
            return as_recorded(Some(Fault::new(FaultClass::Timeout, "HNY0862", text)));
        }
    };
    let lines = wanted.into_iter().zip(current).map(|(key, set)| {
        let mut values = set.values;
        values.sort();
        let recorded = recorded.contains_key(&key);
        RecordLine { name: key.0, record_type: key.1, values, recorded }
    });
    Names { records: lines.filter(|line| line.recorded || !line.values.is_empty()).collect(), unknown: None }
}

/// Name and type of every recorded address record, with its values.
fn recorded(state: &State) -> BTreeMap<(String, String), Vec<String>> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("?").to_owned();
    of_scope(state, "dns")
        .filter(|(_, record)| record.kind == "record-set")
        .filter(|(_, record)| matches!(record.attributes["type"].as_str(), Some("A" | "AAAA")))
        .map(|(_, record)| {
            let key = (text(&record.attributes["name"]), text(&record.attributes["type"]));
            (key, serde_json::from_value(record.attributes["values"].clone()).unwrap_or_default())
        })
        .collect()
}
