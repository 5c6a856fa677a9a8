//! The move of the active role: killed at every durable write, then resumed or
//! aborted. A lane builds both instances once and moves the role to and fro.

use futures::future::try_join_all;

use super::{
    After, Choice, Ledger, Point, Report, Verdict, points,
    stage::{Ended, Stage},
};
use crate::{Failure, mortal::Side};

/// A lab with both instances, and who is active in it.
struct Lane {
    stage: Stage,
    active: &'static str,
    overlap_ms: u64,
}

fn other(instance: &str) -> &'static str {
    if instance == "ovh" { "hetzner" } else { "ovh" }
}

impl Lane {
    async fn new(choice: &Choice, seed: u64) -> Result<Self, Failure> {
        let stage = Stage::new(&choice.victim, seed).await?;
        stage.done("apply", "hetzner").await?;
        stage.done("apply", "ovh").await?;
        Ok(Self { stage, active: "hetzner", overlap_ms: 0 })
    }

    async fn point(&mut self, point: Point) -> Result<Verdict, Failure> {
        let to = other(self.active);
        let (said, unreached, moved) = match self.stage.victim("cutover", to, Some(point)).await? {
            Ended::Done(said) => (said, true, true),
            Ended::Killed if point.after == After::Abort => {
                let said = self.stage.done("abort-cutover", to).await?;
                let moved = said["forward"] == true;
                (said, false, moved)
            }
            Ended::Killed => (self.stage.done("resume-cutover", to).await?, false, true),
        };
        if moved {
            self.active = to;
        }
        let mut verdict = self.stage.judge(&said, self.active).await?;
        verdict.unreached = unreached;
        // The lane's books go on: only what came with this point is its own.
        let before = std::mem::replace(&mut self.overlap_ms, verdict.overlap_ms);
        verdict.overlap_ms = verdict.overlap_ms.saturating_sub(before);
        Ok(verdict)
    }
}

pub(super) async fn run(choice: &Choice, seed: u64, report: &mut Report) -> Result<(), Failure> {
    let mut first = Lane::new(choice, seed).await?;
    let said = first.stage.done("cutover", "ovh").await?;
    first.active = "ovh";
    let whole = first.stage.judge(&said, "ovh").await?;
    if !whole.problems.is_empty() {
        return Err(format!("without any crash: {}", whole.problems.join("; ")).into());
    }
    let writes = usize::try_from(said["written"].as_u64().unwrap_or_default())?;
    let sides = [Side::Before, Side::After];
    let ledger = Ledger::new(points(choice, writes, &sides, &[After::Resume, After::Abort]), report, seed);
    let mut lane = Some(first);
    let lanes = (0..choice.parallel.max(1)).map(|_| {
        let (choice, ledger, mut lane) = (choice.clone(), ledger.clone(), lane.take());
        tokio::spawn(async move {
            while let Some(point) = ledger.next().await {
                let held = match ready(&mut lane, &choice, seed).await {
                    Ok(lane) => ledger.book(point, lane.point(point).await).await,
                    Err(failure) => ledger.book(point, Err(failure)).await,
                };
                if !held {
                    // What one point broke must not be blamed on the next.
                    lane = None;
                }
            }
        })
    });
    try_join_all(lanes).await?;
    ledger.close(report).await;
    Ok(())
}

async fn ready<'a>(lane: &'a mut Option<Lane>, choice: &Choice, seed: u64) -> Result<&'a mut Lane, Failure> {
    if lane.is_none() {
        *lane = Some(Lane::new(choice, seed).await?);
    }
    lane.as_mut().ok_or_else(|| "no lane".into())
}
