//! Hosts at the end of long cables: how a look grows from three to thirty.
//!
//! Thirty boxes all live on this machine. Where a bare `ssh` to them grows
//! beyond the bar by itself, their growth says nothing of honey: it is told
//! beside that of `ssh`, without a verdict. It is judged where hosts cost this
//! machine nothing, as other people's machines do: boxes of the lab, behind
//! relays as slow as the cables.

use std::{path::Path, process::Command, time::Duration};

use honey_boxes::{Boxes, Link, Options, TestBox};

use super::{
    Line, Peer,
    hosts::{bare, floor, look, measured},
};
use crate::workspace::Failure;

/// There and back.
const DELAY: Duration = Duration::from_millis(40);
const FEW: usize = 3;
const MANY: usize = 30;

/// On boxes, as far as this machine can have thirty.
pub(super) fn boxes(measure: &Path) -> Result<[Line; 3], Failure> {
    let boxes = Boxes::up(MANY, &Options::default())?;
    for one in boxes.iter() {
        one.slow(Link { delay: DELAY / 2, ..Link::default() })?;
    }
    let names: Vec<&str> = boxes.iter().map(TestBox::name).collect();
    let config = boxes.ssh_config();
    let (three, three_open) = look(measure, &config, &names[..FEW])?;
    let (many, many_open) = look(measure, &config, &names)?;
    let floor_of_three = bare(measure, &config, &names[..FEW])?;
    let floor_of_many = bare(measure, &config, &names)?;
    let grown = floor_of_many / floor_of_three;
    let of_boxes = |work: &str, many: f64, three: f64| {
        let mut line = growth(work, many, three);
        line.bar += &format!(" (bare ssh: {grown:.1}x)");
        line.holds = line.holds.filter(|_| grown < 2.0);
        line
    };
    let cold = of_boxes("facts of 30 boxes, cold, 40 ms of delay", many, three);
    let open = of_boxes("facts of 30 boxes, connections open, 40 ms of delay", many_open, three_open);
    Ok([cold, open, floor("facts of 30 boxes, the same, over the floor", many, floor_of_many)])
}

/// On hosts whose own work is next to nothing, through the same ssh client.
pub(super) fn light_hosts(program: &Path) -> Result<[Line; 2], Failure> {
    let looks = |count: usize| {
        measured(|| {
            let mut command = Command::new(program);
            command.args(["light", &count.to_string(), "5", &DELAY.as_millis().to_string()]);
            command
        })
    };
    let (three, three_open) = looks(FEW)?;
    let (many, many_open) = looks(MANY)?;
    Ok([
        growth("facts of 30 light hosts, cold, 40 ms of delay", many, three),
        growth("facts of 30 light hosts, connections open, 40 ms of delay", many_open, three_open),
    ])
}

fn growth(work: &str, many: f64, three: f64) -> Line {
    let peer = Peer { name: format!("{FEW} of them"), version: String::new(), value: three };
    let mut line = Line::beside("hosts", work, many, Some(peer), 0.0);
    line.bar = format!("< 2x {FEW} of them");
    line.holds = Some(many < 2.0 * three);
    line
}
