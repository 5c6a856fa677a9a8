//! `honey cutover`.

use honey_flow::action::cutover::{
    CutoverOutcome, CutoverPlan, Scorecard, Step, abort, prepare, resume, run,
};
use honey_model::Diagnostic;
use honey_ui::view::{
    apply::Show,
    cutover::{Cutover, NameChange, Step as ShownStep, StepState},
};

use super::{Scope, ports::Wired, with_session};
use crate::{
    command::cutover::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn cutover(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let scope = match &arguments.to {
        Some(to) => Scope::One(Some(to)),
        None => Scope::Project,
    };
    with_session(context, scope, Show::Events, async |wired| {
        let session = &wired.session;
        if arguments.resume || arguments.abort {
            let outcome = if arguments.abort { abort(session).await } else { resume(session).await }?;
            return told(context, wired, None, &outcome, arguments.abort);
        }
        let to = arguments.to.as_deref().unwrap_or_default();
        let (plan, score) = prepare(session, to).await?;
        wired.view.clear();
        if !score.is_clean() {
            return Err(Failure::Diagnostics(Exit::Failed, findings(&score)));
        }
        let mut shown = planned(&plan);
        shown.diagnostics.clone_from(&score.warnings);
        context.output.warnings(&score.warnings, &Context::reader());
        if arguments.plan_only {
            context.output.show(|theme| shown.human(theme), &shown)?;
            return Ok(Exit::Done);
        }
        if !context.output.json {
            context.output.message(&shown.human(&context.output.stderr));
        }
        Context::confirm(&format!("Move the active role from `{}` to `{to}`?", plan.from), arguments.yes)?;
        let name = format!("cutover-{:06}-{}", plan.epoch, plan.digest().short());
        let outcome = run(session, &plan, &name).await?;
        told(context, wired, Some(&plan), &outcome, false)
    })
}

fn findings(score: &Scorecard) -> Vec<Diagnostic> {
    let broken = score.findings.iter().filter(|finding| !finding.holds);
    let finding = |finding: &honey_flow::action::cutover::Finding| {
        Diagnostic::error("HNY0824", format!("preflight: {}: no: {}", finding.check, finding.detail))
            .with_help("nothing was changed; fix it and cut over again")
    };
    broken.map(finding).collect()
}

fn planned(plan: &CutoverPlan) -> Cutover {
    let step = |step: &Step| ShownStep {
        name: name_of(*step),
        text: step.describe().to_owned(),
        point_of_no_return: *step == Step::Activate,
        ..ShownStep::default()
    };
    let names = plan.dns.iter().flat_map(|dns| &dns.swaps).map(|swap| NameChange {
        name: swap.name.clone(),
        record_type: swap.record_type.clone(),
        before: swap.expect.clone(),
        after: swap.set.clone(),
    });
    Cutover {
        from: Some(plan.from.clone()),
        to: plan.to.clone(),
        result: "planned".to_owned(),
        epoch: plan.epoch,
        steps: Step::ALL.iter().map(step).collect(),
        names: names.collect(),
        ..Cutover::default()
    }
}

fn name_of(step: Step) -> String {
    format!("{step:?}").to_lowercase()
}

fn told(
    context: &Context,
    wired: &Wired,
    plan: Option<&CutoverPlan>,
    outcome: &CutoverOutcome,
    asked_back: bool,
) -> Result<Exit, Failure> {
    wired.view.finish();
    let mut shown = plan.map(planned).unwrap_or_default();
    shown.from = Some(outcome.from.clone());
    shown.to.clone_from(&outcome.to);
    shown.active = Some(outcome.active.clone());
    let restored = outcome.restored_because.is_some() || asked_back || outcome.active == outcome.from;
    if restored { "restored" } else { "done" }.clone_into(&mut shown.result);
    if restored {
        shown.because = Some(match (outcome.failed, &outcome.restored_because) {
            (Some(step), Some(fault)) => format!("{} failed ({})", name_of(step), fault.code),
            (None, Some(_)) => "it was stopped".to_owned(),
            (_, None) => "going back was asked for".to_owned(),
        });
    }
    for step in &mut shown.steps {
        let took = outcome.steps.iter().find(|(done, _)| name_of(*done) == step.name);
        step.state = match took {
            Some(_) if restored => StepState::Undone,
            Some(_) => StepState::Done,
            None if outcome.failed.is_some_and(|failed| name_of(failed) == step.name) => StepState::Failed,
            None => step.state,
        };
        step.seconds = took.map_or(0.0, |(_, seconds)| *seconds);
    }
    let mut document = serde_json::to_value(&shown).unwrap_or_default();
    document["vendor_calls"] = serde_json::json!(wired.vendor_calls());
    if let Some(fault) = &outcome.restored_because {
        document["restored_because"] = serde_json::json!(fault);
    }
    context.output.show(|theme| shown.human(theme), &document)?;
    match &outcome.restored_because {
        Some(fault) if !context.output.json => Err(Failure::Fault(Exit::Failed, Box::new(fault.clone()))),
        Some(_) => Err(Failure::Shown(Exit::Failed)),
        None => Ok(Exit::Done),
    }
}
