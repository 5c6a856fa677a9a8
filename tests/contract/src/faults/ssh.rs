//! The same faults where there is no vendor but a machine behind ssh.

use honey_model::{Fault, FaultClass};
use serde_json::json;

use super::{COLUMNS, Column, Matrix, Row, rule};
use crate::{
    Failure, expectation,
    scenario::{Act, Expect, Step},
    stand::{Setup, Stand, Workshop},
    subject::Subject,
};

/// What ssh tells in each case.
fn class(column: Column) -> Option<FaultClass> {
    Some(match column {
        Column::Unauthorized => FaultClass::Auth,
        Column::Forbidden => FaultClass::Forbidden,
        Column::NotFound => FaultClass::NotFound,
        Column::Locked => FaultClass::Locked,
        Column::Invalid => FaultClass::Invalid,
        Column::ServerError | Column::CutBefore | Column::CutAfter => FaultClass::Transient,
        Column::BadGateway => FaultClass::Malformed,
        Column::Slow => FaultClass::Timeout,
        _ => return None,
    })
}

/// One row: the look.
pub(super) async fn fill(
    workshop: &Workshop,
    subject: &'static Subject,
    matrix: &mut Matrix,
) -> Result<(), Failure> {
    let scenario = &(subject.scenarios)()[0];
    let look = |step: &&Step| step.act == Act::Create && step.expect == Expect::Settled;
    let Some(step) = scenario.steps.iter().find(look) else { return Ok(()) };
    let mut cells = Vec::new();
    for column in COLUMNS {
        let Some(class) = class(column) else {
            cells.push(rule::Outcome::Nothing.word().to_owned());
            continue;
        };
        let mut stand = Stand::start(workshop, subject, Setup::default()).await?;
        let fault = Fault::new(class, "HNY0501", "203.0.113.7: \u{1b}[31ma rehearsal's refusal");
        stand.machine.show(match column {
            Column::BadGateway => Ok(json!({"addresses": 7})),
            _ => Err(fault),
        });
        let ran = stand.once(step).await;
        let mut wrong = match &ran.outcome {
            Ok(_) => Some("taken for success".to_owned()),
            Err(fault) if fault.class != class => {
                Some(format!("of the wrong class: {fault} [{}]", fault.class.as_str()))
            }
            Err(fault) => rule::broken(fault),
        };
        let after = stand.again(step, &ran).await;
        wrong = wrong.or_else(|| expectation::judge(step, &after, None, stand.schema(step.kind)));
        cells.push(if wrong.is_some() { "WRONG" } else { "surface" }.to_owned());
        matrix.wrong.extend(wrong.map(|words| format!("{} at ssh: {words}", column.head())));
    }
    matrix.rows.push(Row { request: "ssh facts".to_owned(), cells });
    Ok(())
}
