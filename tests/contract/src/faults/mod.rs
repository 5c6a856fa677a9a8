//! Every fault at every request of every plugin: a matrix without an empty cell.

mod cell;
mod column;
pub mod rule;
mod ssh;

use std::{panic::resume_unwind, sync::Arc};

use futures::StreamExt as _;
use serde::Serialize;

pub use column::{COLUMNS, Column};

use crate::{
    Failure,
    baseline::{Baseline, Use},
    stand::Workshop,
    subject::Subject,
};

/// How many rehearsals at once; some of them wait for an answer that is late.
const AT_ONCE: usize = 4;

/// A row of the matrix.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Method and path.
    pub request: String,
    /// One word a column.
    pub cells: Vec<String>,
}

/// What came of all faults at one plugin.
#[derive(Debug, Default, Serialize)]
pub struct Matrix {
    /// Heads of the columns.
    pub columns: Vec<&'static str>,
    /// One row a request.
    pub rows: Vec<Row>,
    /// Cells that are not as they must be.
    pub wrong: Vec<String>,
}

/// Fills the matrix of one plugin.
pub async fn run(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
) -> Result<Matrix, Failure> {
    let columns = COLUMNS.iter().map(|column| column.head()).collect();
    let mut matrix = Matrix { columns, ..Matrix::default() };
    if subject.vendor.is_empty() {
        ssh::fill(workshop, subject, &mut matrix).await?;
        return Ok(matrix);
    }
    let rows = rows(baseline);
    let work = rows.iter().enumerate().flat_map(|(row, at)| {
        COLUMNS.iter().enumerate().map(move |(column, fault)| (row, column, *at, *fault))
    });
    let mut cells = vec![vec![String::new(); COLUMNS.len()]; rows.len()];
    let shared = Arc::new(baseline.clone());
    // Each a task of its own, so that every processor has its share.
    let rehearse = |(row, column, at, fault): (usize, usize, usize, Column)| {
        let (workshop, baseline) = (workshop.clone(), Arc::clone(&shared));
        async move {
            let cell =
                async move { cell::run(&workshop, subject, &baseline, &baseline.uses[at], fault).await };
            let outcome = tokio::spawn(cell).await.unwrap_or_else(|died| resume_unwind(died.into_panic()));
            (row, column, outcome)
        }
    };
    let mut running = futures::stream::iter(work.map(rehearse)).buffer_unordered(AT_ONCE);
    while let Some((row, column, outcome)) = running.next().await {
        cells[row][column] = match outcome? {
            Ok(outcome) => outcome.word().to_owned(),
            Err(words) => {
                let one = &baseline.uses[rows[row]];
                let head = COLUMNS[column].head();
                matrix.wrong.push(format!("{head} at {} {}: {words}", one.method, one.template));
                "WRONG".to_owned()
            }
        };
    }
    drop(running);
    matrix.wrong.sort();
    let named = |at: &usize| {
        let Use { method, template, .. } = &baseline.uses[*at];
        format!("{method} {template}")
    };
    matrix.rows = rows.iter().zip(cells).map(|(at, cells)| Row { request: named(at), cells }).collect();
    Ok(matrix)
}

/// One use of each different request: in a step that succeeds, after the fewest others.
fn rows(baseline: &Baseline) -> Vec<usize> {
    let mut rows = Vec::new();
    for (method, template) in baseline.endpoints() {
        let fits = |one: &Use| one.method == method && one.template == template;
        let position = |at: &usize| {
            let one = &baseline.uses[*at];
            let refused = baseline.refused.contains(&(one.scenario, one.step));
            let earlier = |other: &&Use| other.scenario == one.scenario && other.step < one.step;
            let tricked = baseline.tricked.contains(&(one.scenario, one.step));
            (refused, one.status >= 400, tricked, baseline.uses.iter().filter(earlier).count())
        };
        let uses = (0..baseline.uses.len()).filter(|at| fits(&baseline.uses[*at]));
        rows.extend(uses.min_by_key(position));
    }
    rows
}
