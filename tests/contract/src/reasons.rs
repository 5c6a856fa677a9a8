//! Whether a plan would do what the steps of a life do: an update where it
//! updates, and a replacement where it replaces, with the field that forces it
//! and the reason that people read.

use std::collections::BTreeSet;

use honey_plan::{FieldChange, differences};
use serde::Serialize;

use crate::{
    Failure,
    scenario::{Act, Scenario, Step},
    stand::{Setup, Stand, Workshop},
    subject::Subject,
};

/// Why an object is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The scenario.
    pub scenario: &'static str,
    /// The step.
    pub step: &'static str,
    /// The field that forces it.
    pub field: String,
    /// In the plugin's words.
    pub why: String,
}

/// What the plans of all steps would say.
#[derive(Debug, Default)]
pub struct Reasons {
    /// Of every replacement.
    pub told: Vec<Reason>,
    /// Steps that a plan would not take.
    pub problems: Vec<String>,
}

/// Looks at every change of a plugin's scenarios as a plan does, right before it.
pub async fn run(workshop: &Workshop, subject: &'static Subject) -> Result<Reasons, Failure> {
    let mut all = Reasons::default();
    let mut replaced = BTreeSet::new();
    for scenario in (subject.scenarios)() {
        one(workshop, subject, &scenario, &mut all, &mut replaced).await?;
    }
    let stand = Stand::start(workshop, subject, Setup::default()).await?;
    for schema in stand.schemas() {
        let fixed = schema.fields.values().any(|field| field.immutable.is_some());
        if fixed && !replaced.contains(schema.kind.as_str()) {
            all.problems.push(format!(
                "no scenario replaces a {}, though some of its fields are immutable",
                schema.kind
            ));
        }
    }
    Ok(all)
}

async fn one(
    workshop: &Workshop,
    subject: &'static Subject,
    scenario: &Scenario,
    all: &mut Reasons,
    replaced: &mut BTreeSet<&'static str>,
) -> Result<(), Failure> {
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for step in &scenario.steps {
        if matches!(step.act, Act::Update | Act::Replace) {
            let place = format!("{}: {}", scenario.name, step.name);
            match planned(&stand, step).await {
                Err(why) => all.problems.push(format!("{place}: {why}")),
                Ok(forcing) => {
                    let told: Vec<&str> = forcing.iter().map(|change| change.path.as_str()).collect();
                    match (step.act == Act::Replace, told.is_empty()) {
                        (true, true) => all.problems.push(format!("{place}: a plan would not replace it")),
                        (false, false) => {
                            all.problems
                                .push(format!("{place}: a plan would replace it for {}", told.join(", ")));
                        }
                        _ => {}
                    }
                    if step.act == Act::Replace {
                        replaced.insert(step.kind);
                    }
                    all.told.extend(forcing.into_iter().map(|change| Reason {
                        scenario: scenario.name,
                        step: step.name,
                        field: change.path,
                        why: change.replaces.unwrap_or_default(),
                    }));
                }
            }
        }
        stand.run(step).await;
    }
    Ok(())
}

/// The changes of a step that force a replacement, each with a reason.
async fn planned(stand: &Stand, step: &Step) -> Result<Vec<FieldChange>, String> {
    let (desired, found) =
        stand.compared(step).await.map_err(|fault| format!("not to be planned: {fault}"))?;
    let (Some(found), Some(schema)) = (found, stand.schema(step.kind)) else {
        return Err("nothing is found that could be changed".to_owned());
    };
    let forcing: Vec<FieldChange> = differences(schema, &desired, &found.attributes)
        .into_iter()
        .filter(|change| change.replaces.is_some())
        .collect();
    match forcing.iter().find(|change| change.replaces.as_deref().is_some_and(|why| why.trim().is_empty())) {
        Some(change) => Err(format!("no reason is given for {}", change.path)),
        None => Ok(forcing),
    }
}
