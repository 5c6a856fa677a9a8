//! What happens to one resource, and why.

use std::collections::{HashMap, HashSet};

use honey_model::{Address, Diagnostic, Fault, Found, Lifecycle, Observation, Ownership};
use serde_json::Value;

use crate::{
    Action, FieldChange, Operation,
    compare::{Lookup, all_fields, compare},
    table::{Node, Table},
};

/// The code of what could not be looked at.
const UNREADABLE: &str = "HNY0206";

/// Why something is created that nobody made before.
const ABSENT: &str = "does not exist yet";
/// How the reason of a creation begins that was planned without a look.
const UNSEEN: &str = "cannot be looked at before";

impl Operation {
    /// Whether it creates what could not be looked at: what it stands on is
    /// not there yet.
    pub fn is_unseen(&self) -> bool {
        self.action == Action::Create && self.reasons.iter().any(|reason| reason.starts_with(UNSEEN))
    }

    /// The reasons that say more than the action does, and than
    /// [`Self::is_unseen`].
    pub fn telling_reasons(&self) -> impl Iterator<Item = &str> {
        let plain = self.action == Action::Create;
        let tells = move |reason: &&str| !plain || (*reason != ABSENT && !reason.starts_with(UNSEEN));
        self.reasons.iter().map(String::as_str).filter(tells)
    }
}

/// The decision for one resource.
#[derive(Debug)]
pub(crate) enum Decision {
    /// As wanted.
    Keep,
    /// Not of this plan: not wanted, not recorded, or left standing.
    Ignore,
    /// Something is done.
    Act { action: Action, changes: Vec<FieldChange>, reasons: Vec<String> },
}

impl Decision {
    pub(crate) fn act(action: Action, reason: impl Into<String>) -> Self {
        Self::Act { action, changes: Vec::new(), reasons: vec![reason.into()] }
    }

    pub(crate) fn action(&self) -> Option<Action> {
        match self {
            Self::Act { action, .. } => Some(*action),
            Self::Keep | Self::Ignore => None,
        }
    }
}

/// For a wanted resource.
pub(crate) fn wanted(node: &Node<'_>, lookup: Lookup<'_, '_>) -> Result<Decision, Diagnostic> {
    let (Some(wanted), Some(schema)) = (node.wanted, node.schema) else { return Ok(Decision::Ignore) };
    let create = |reason: String| Decision::Act {
        action: Action::Create,
        changes: all_fields(schema, &wanted.desired, lookup),
        reasons: vec![reason],
    };
    match node.observation {
        None => Err(not_looked_at(node)),
        Some(Observation::Failed(fault)) => Err(failed(node, fault)),
        Some(Observation::Deferred(until)) => {
            let until = list(until);
            Ok(create(format!("{UNSEEN} {until} is there")))
        }
        Some(Observation::Absent) if wanted.lifecycle.once && as_recorded(node, lookup) => Ok(Decision::Keep),
        Some(Observation::Absent) => Ok(create(match node.record {
            Some(record) => format!("recorded as {} but gone", record.id),
            None => ABSENT.to_owned(),
        })),
        Some(Observation::Found(found)) => {
            let recorded_here = node.record.is_some_and(|record| record.id == found.id);
            owned(node, found, recorded_here, wanted.lifecycle)?;
            let recorded = node.record.map(|record| &record.attributes);
            let changes = compare(schema, &wanted.desired, &found.attributes, recorded, lookup);
            Ok(found_decision(node, found, recorded_here, changes, wanted.lifecycle))
        }
    }
}

/// Whether it is wanted just as it was applied last.
fn as_recorded(node: &Node<'_>, lookup: Lookup<'_, '_>) -> bool {
    let (Some(wanted), Some(record), Some(schema)) = (node.wanted, node.record, node.schema) else {
        return false;
    };
    compare(schema, &wanted.desired, &record.attributes, Some(&record.attributes), lookup).is_empty()
}

fn found_decision(
    node: &Node<'_>,
    found: &Found,
    recorded_here: bool,
    changes: Vec<FieldChange>,
    lifecycle: Lifecycle,
) -> Decision {
    let by_field = changes.iter().filter_map(|change| {
        change.replaces.as_ref().map(|why| format!("{} changes: {why}", field(&change.path)))
    });
    let replacing: Vec<String> = found.replace.iter().cloned().chain(by_field).collect();
    if !replacing.is_empty() {
        return Decision::Act { action: Action::Replace, changes, reasons: replacing };
    }
    if !recorded_here {
        let reason = match (node.record, found.ownership) {
            (Some(record), _) => format!("recorded as {} but found as {}", record.id, found.id),
            (None, Ownership::Ours) => format!("{} carries our marks but is not recorded", found.id),
            (None, _) => format!("{} exists and the configuration says to adopt it", found.id),
        };
        let mut reasons = vec![reason];
        reasons.extend(reasons_of(&changes));
        return Decision::Act { action: Action::Adopt, changes, reasons };
    }
    let mut reasons = reasons_of(&changes);
    if let Some(record) = node.record {
        if record.protect != lifecycle.protect {
            reasons.push(format!("protection is switched {}", if lifecycle.protect { "on" } else { "off" }));
        }
        if record.keep != lifecycle.keep {
            reasons.push(format!("keeping is switched {}", if lifecycle.keep { "on" } else { "off" }));
        }
    }
    if reasons.is_empty() {
        Decision::Keep
    } else {
        Decision::Act { action: Action::Update, changes, reasons }
    }
}

/// What exists and is named to be made anew is replaced, whatever else would be done with it.
pub(crate) fn anew(node: &Node<'_>, decision: Decision, named: &[Address]) -> Decision {
    let found = matches!(node.observation, Some(Observation::Found(_)));
    if !found || !named.contains(node.address) {
        return decision;
    }
    match decision {
        Decision::Act { changes, mut reasons, .. } => {
            reasons.insert(0, "asked to be made anew".to_owned());
            Decision::Act { action: Action::Replace, changes, reasons }
        }
        Decision::Keep | Decision::Ignore => Decision::act(Action::Replace, "asked to be made anew"),
    }
}

fn reasons_of(changes: &[FieldChange]) -> Vec<String> {
    let known: Vec<&str> = changes
        .iter()
        .filter(|change| change.known_after.is_none())
        .map(|change| field(&change.path))
        .collect();
    let mut reasons = Vec::new();
    if !known.is_empty() {
        reasons.push(format!("{} differ{}", known.join(", "), if known.len() == 1 { "s" } else { "" }));
    }
    for change in changes {
        if let Some(address) = &change.known_after {
            reasons.push(format!("{} is known after {address}", field(&change.path)));
        }
    }
    reasons
}

/// For a recorded resource that nothing wants any more (or that a destroy removes).
/// `gone_with` says whether everything that it could be seen through goes away.
/// `wanted_as` answers with the wanted address of the same object, where there is one.
pub(crate) fn unwanted(
    node: &Node<'_>,
    why: &str,
    gone_with: &dyn Fn(&[Address]) -> bool,
    wanted_as: &dyn Fn(&Found) -> Option<Address>,
) -> Result<Decision, Diagnostic> {
    let kept = node.record.is_some_and(|record| record.keep);
    let recorded_id = node.record.map(|record| record.id.as_str());
    let gone = |text: String| match recorded_id {
        Some(_) => Decision::act(Action::Forget, text),
        None => Decision::Ignore,
    };
    Ok(match node.observation {
        None if node.record.is_none() => Decision::Ignore,
        None => return Err(not_looked_at(node)),
        Some(Observation::Failed(fault)) => return Err(failed(node, fault)),
        Some(Observation::Absent) => gone("gone already".to_owned()),
        Some(Observation::Deferred(until)) if gone_with(until) => {
            gone(format!("gone together with {}", list(until)))
        }
        Some(_) if kept => Decision::act(Action::Forget, format!("{why}; its configuration said to keep it")),
        Some(Observation::Deferred(_)) => match node.record {
            Some(_) => Decision::act(Action::Delete, why),
            None => Decision::Ignore,
        },
        Some(Observation::Found(found)) if wanted_as(found).is_some() => {
            let address = wanted_as(found).map(|address| address.to_string()).unwrap_or_default();
            gone(format!("the same object is {address} now"))
        }
        Some(Observation::Found(found)) => match found.ownership {
            Ownership::Ours => Decision::act(Action::Delete, why),
            Ownership::Unmarked if recorded_id == Some(found.id.as_str()) => {
                Decision::act(Action::Delete, why)
            }
            Ownership::Foreign | Ownership::Unmarked => {
                gone(format!("{} is there now and is not ours: left alone", found.id))
            }
        },
    })
}

fn owned(
    node: &Node<'_>,
    found: &Found,
    recorded_here: bool,
    lifecycle: Lifecycle,
) -> Result<(), Diagnostic> {
    match found.ownership {
        Ownership::Ours => Ok(()),
        Ownership::Unmarked if recorded_here || lifecycle.adopt => Ok(()),
        Ownership::Unmarked => {
            let summary = format!("{} exists as {} and nobody marked it as honey's", node.address, found.id);
            Err(Diagnostic::error("HNY0205", summary)
                .at(node.origin())
                .with_help("set `adopt = true` to take it over, or choose another name"))
        }
        Ownership::Foreign => {
            let owner = ["owner", "managed_by"]
                .iter()
                .find_map(|key| found.outputs.get(key).or_else(|| found.attributes.get(key)))
                .and_then(Value::as_str)
                .map_or_else(|| "somebody else".to_owned(), |owner| honey_model::text::visible(owner, 200));
            let summary = format!("{} exists as {} and belongs to {owner}", node.address, found.id);
            Err(Diagnostic::error("HNY0204", summary)
                .at(node.origin())
                .with_help("choose another name, or have its owner give it up"))
        }
    }
}

fn not_looked_at(node: &Node<'_>) -> Diagnostic {
    Diagnostic::error("HNY0209", format!("{} was not looked at", node.address)).at(node.origin())
}

fn failed(node: &Node<'_>, fault: &Fault) -> Diagnostic {
    // A plugin's own codes have no page.
    let cause = if fault.code.starts_with("HNY") { format!(" ({})", fault.code) } else { String::new() };
    let mut diagnostic =
        Diagnostic::error(UNREADABLE, format!("{} could not be looked at: {fault}{cause}", node.address))
            .at(node.origin());
    diagnostic.help.clone_from(&fault.help);
    diagnostic
}

/// One failure that kept several things from being looked at is told once, at the first of them.
pub(crate) fn fold_failures(table: &Table<'_>, found: &mut Vec<Diagnostic>) {
    fn address(finding: &Diagnostic) -> Option<&str> {
        (finding.code == UNREADABLE).then(|| finding.summary.split(' ').next()).flatten()
    }
    let told: HashSet<String> = found.iter().filter_map(address).map(str::to_owned).collect();
    let mut groups: Vec<(&Fault, Vec<&str>)> = Vec::new();
    for node in table.nodes.iter().filter(|node| told.contains(node.address.as_str())) {
        let Some(Observation::Failed(fault)) = node.observation else { continue };
        match groups.iter_mut().find(|(known, _)| known.is_same_failure(fault)) {
            Some((_, addresses)) => addresses.push(node.address.as_str()),
            None => groups.push((fault, vec![node.address.as_str()])),
        }
    }
    let mut others: HashSet<&str> = HashSet::new();
    let mut first: HashMap<&str, String> = HashMap::new();
    for (_, addresses) in groups.iter().filter(|(_, addresses)| addresses.len() > 1) {
        let shown = &addresses[1..addresses.len().min(4)];
        let more = addresses.len() - 1 - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        first.insert(addresses[0], format!("; the same for {}{more}", shown.join(", ")));
        others.extend(&addresses[1..]);
    }
    found.retain(|finding| !address(finding).is_some_and(|address| others.contains(address)));
    for finding in found {
        if let Some(text) = address(finding).and_then(|address| first.get(address)) {
            finding.summary.push_str(text);
        }
    }
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
}

/// A field's name for people: the pointer without its leading slash.
fn field(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}
