//! One command of honey in a process that may be killed at a durable write.
//!
//! `crash-victim FOLDER apply INSTANCE [POINT before|after]` and likewise
//! `cutover INSTANCE`; `resume INSTANCE` and `abort INSTANCE` do what an
//! operator does after a crash of either. `new-record` in the place of a point
//! kills after the first record that the run's journal did not hold before.
//! Prints one JSON document.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests tells its driver")]

use std::{path::Path, process::ExitCode, sync::Arc};

use honey_flow::{
    FlowError, Session,
    action::{apply, cutover, plan},
};
use honey_model::Active;
use honey_tests::{
    Failure,
    mortal::{Death, Mortal, Side, When},
    wiring,
};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match act(&arguments).await {
        Ok(document) => {
            println!("{document}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn act(arguments: &[String]) -> Result<Value, Failure> {
    let [folder, action, instance, rest @ ..] = arguments else {
        return Err("usage: crash-victim FOLDER ACTION INSTANCE [POINT SIDE | new-record]".into());
    };
    let when = match rest {
        [] => When::Never,
        [word] if word == "new-record" => When::NewRecord,
        [point, side] if side == "before" => When::Nth(point.parse()?, Side::Before),
        [point, side] if side == "after" => When::Nth(point.parse()?, Side::After),
        _ => return Err("a point is a number and `before` or `after`, or `new-record`".into()),
    };
    let death = Death::new(when);
    let session = wiring::wire(Path::new(folder), |store| Mortal::wrap(store, death.clone())).await?;
    let result = perform(&session, action, instance, &death).await;
    session.ports.hosts.close().await;
    result
}

async fn perform(
    session: &Session,
    action: &str,
    instance: &str,
    death: &Arc<Death>,
) -> Result<Value, Failure> {
    let mut verified = true;
    let mut forward = false;
    match action {
        "apply" => verified = build(session, instance).await?,
        "cutover" => cut_over(session, instance).await?,
        // Like `honey apply --resume`, or `honey apply` where nothing had begun.
        "resume" => match session.ports.store.unsealed().await? {
            None => verified = build(session, instance).await?,
            Some(_) => verified = apply::resume(session).await?.verified.is_some(),
        },
        // Like `honey cutover --resume`, or `honey cutover` where nothing had begun.
        "resume-cutover" => match session.ports.store.unsealed().await? {
            None if holds(session, instance).await? => {}
            None => cut_over(session, instance).await?,
            Some(_) => drop(cutover::resume(session).await?),
        },
        // Like `honey cutover --abort`; behind the point of no return it says so.
        "abort-cutover" => match session.ports.store.unsealed().await? {
            // Over, or never begun.
            None => forward = holds(session, instance).await?,
            Some(_) => match cutover::abort(session).await {
                Ok(_) => {}
                Err(FlowError::Diagnostics(findings)) if findings.iter().any(|one| one.code == "HNY0820") => {
                    cutover::resume(session).await?;
                    forward = true;
                }
                Err(error) => return Err(error.into()),
            },
        },
        other => return Err(format!("no action `{other}`").into()),
    }
    let written = death.written();
    let active = session.state().await?.active;
    // A standby is planned as itself; after a cutover the active one is.
    let planned = match (&active, action) {
        (Active::Instance { name, .. }, "cutover" | "resume-cutover" | "abort-cutover") => name.clone(),
        _ => instance.to_owned(),
    };
    let again = plan::plan(session, &planned, &plan::Wish::default()).await?;
    let left: Vec<String> =
        again.plan.operations.iter().map(|one| format!("{:?} {}", one.action, one.address)).collect();
    let unfinished = session.ports.store.unsealed().await?;
    Ok(json!({
        "written": written,
        "verified": verified,
        "forward": forward,
        "active": active,
        "left": left,
        "unfinished": unfinished,
    }))
}

async fn build(session: &Session, instance: &str) -> Result<bool, Failure> {
    let lock = apply::lock(session, "apply").await?;
    let planned = plan::plan(session, instance, &plan::Wish::default()).await?;
    let applied = apply::run(session, lock.as_ref(), planned.plan, &planned.observed).await?;
    lock.release().await?;
    Ok(applied.verified.is_some())
}

async fn cut_over(session: &Session, to: &str) -> Result<(), Failure> {
    let (plan, score) = cutover::prepare(session, to).await?;
    if !score.is_clean() {
        return Err(format!("preflight: {:?}", score.findings).into());
    }
    let name = format!("cutover-{:06}-{}", plan.epoch, plan.digest().short());
    cutover::run(session, &plan, &name).await?;
    Ok(())
}

async fn holds(session: &Session, instance: &str) -> Result<bool, Failure> {
    Ok(matches!(session.state().await?.active, Active::Instance { name, .. } if name == instance))
}
