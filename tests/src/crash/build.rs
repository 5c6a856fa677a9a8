//! A build from nothing, and a standby beside a running instance: killed at
//! every durable write, each in a lab of its own.

use std::sync::Arc;

use futures::future::try_join_all;

use super::{
    After, Choice, Ledger, Point, Report, Scenario, Verdict, points,
    stage::{Ended, Living, Stage},
};
use crate::{Failure, mortal::Side};

/// The instance that is built first and active.
const ACTIVE: &str = "hetzner";

/// What all points of one seed share.
struct Proof {
    scenario: Scenario,
    choice: Choice,
    seed: u64,
    /// What exists after a run that nobody killed.
    expected: Living,
}

impl Proof {
    fn instance(&self) -> &'static str {
        if self.scenario == Scenario::Standby { "ovh" } else { ACTIVE }
    }

    async fn stage(&self) -> Result<Stage, Failure> {
        let stage = Stage::new(&self.choice.victim, self.seed).await?;
        if self.scenario == Scenario::Standby {
            stage.done("apply", ACTIVE).await?;
        }
        Ok(stage)
    }

    async fn point(&self, point: Point) -> Result<Verdict, Failure> {
        let stage = self.stage().await?;
        let (said, unreached) = match stage.victim("apply", self.instance(), Some(point)).await? {
            Ended::Killed => (stage.done("resume", self.instance()).await?, false),
            Ended::Done(said) => (said, true),
        };
        let mut verdict = stage.judge(&said, ACTIVE).await?;
        verdict.unreached = unreached;
        let living = stage.living();
        if living != self.expected {
            let only = |one: &Living, other: &Living| {
                one.iter()
                    .filter(|entry| !other.iter().any(|known| known == *entry))
                    .map(|entry| format!("{entry:?}"))
                    .collect::<Vec<_>>()
            };
            verdict.problems.push(format!(
                "other objects than without a crash: too many {:?}, missing {:?}",
                only(&living, &self.expected),
                only(&self.expected, &living)
            ));
        }
        Ok(verdict)
    }
}

pub(super) async fn run(
    scenario: Scenario,
    choice: &Choice,
    seed: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut proof = Proof { scenario, choice: choice.clone(), seed, expected: Living::new() };
    let stage = proof.stage().await?;
    let said = stage.done("apply", proof.instance()).await?;
    let whole = stage.judge(&said, ACTIVE).await?;
    if !whole.problems.is_empty() {
        return Err(format!("without any crash: {}", whole.problems.join("; ")).into());
    }
    proof.expected = stage.living();
    drop(stage);
    let writes = usize::try_from(said["written"].as_u64().unwrap_or_default())?;
    let ledger =
        Ledger::new(points(choice, writes, &[Side::Before, Side::After], &[After::Resume]), report, seed);
    let proof = Arc::new(proof);
    let lanes = (0..choice.parallel.max(1)).map(|_| {
        let (proof, ledger) = (proof.clone(), ledger.clone());
        tokio::spawn(async move {
            while let Some(point) = ledger.next().await {
                ledger.book(point, proof.point(point).await).await;
            }
        })
    });
    try_join_all(lanes).await?;
    ledger.close(report).await;
    Ok(())
}
