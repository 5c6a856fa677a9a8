//! `cargo xtask bench`: the figures that the project claims, each beside a
//! peer or a limit. Measures; judges only against the written bars.

mod cluster;
mod far_away;
mod hosts;
mod measure;
mod peer;
mod plugins;
mod world;

use clap::ValueEnum;
use serde::Serialize;

use crate::workspace::{Failure, build_honey};

/// Measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this area.
    area: Option<Area>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Peers too where that takes a quarter of an hour.
    #[arg(long)]
    full: bool,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Area {
    /// Plan of 10 000 resources over the empty world.
    Plan,
    /// Apply of 1 000 and 10 000 no-op resources.
    Apply,
    /// Plan with 10 000 in state.
    Replan,
    /// Plugins ready, and one call.
    Plugins,
    /// A cold process.
    Start,
    /// Real machines beside a bare ssh, ansible-core and pyinfra. Needs root and namespaces.
    Hosts,
    /// Vendor calls of build, deploy and swap.
    Calls,
    /// honey's own share of a cluster's build on real machines.
    Cluster,
}

/// One line.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) area: &'static str,
    pub(crate) work: String,
    pub(crate) unit: &'static str,
    pub(crate) honey: f64,
    pub(crate) peer: Option<Peer>,
    /// Peer through honey; how many times better.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: String,
    pub(crate) holds: Option<bool>,
}

/// What honey is measured beside.
#[derive(Clone, Serialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) value: f64,
}

impl Line {
    /// Holds when honey is `times` better than the peer.
    pub(crate) fn beside(area: &'static str, work: &str, honey: f64, peer: Option<Peer>, times: f64) -> Self {
        let ratio = peer.as_ref().map(|peer| peer.value / honey);
        Self {
            area,
            work: work.to_owned(),
            unit: "s",
            honey,
            peer,
            ratio,
            bar: format!(">= {times}x"),
            holds: ratio.map(|ratio| ratio >= times),
        }
    }

    /// Holds when honey is at most `limit`.
    pub(crate) fn limit(area: &'static str, work: &str, unit: &'static str, honey: f64, limit: f64) -> Self {
        Self {
            area,
            work: work.to_owned(),
            unit,
            honey,
            peer: None,
            ratio: Some(limit / honey),
            bar: format!("<= {limit} {unit}"),
            holds: Some(honey <= limit),
        }
    }

    /// Printed without a bar.
    pub(crate) fn told(area: &'static str, work: &str, unit: &'static str, honey: f64) -> Self {
        Self {
            area,
            work: work.to_owned(),
            unit,
            honey,
            peer: None,
            ratio: None,
            bar: "told".to_owned(),
            holds: None,
        }
    }
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let honey = build_honey(true)?;
    let wanted = |area: Area| arguments.area.is_none_or(|only| only == area);
    let mut lines = Vec::new();
    if wanted(Area::Start) {
        lines.extend(world::start(&honey)?);
    }
    if wanted(Area::Plan) {
        lines.extend(world::plan(&honey)?);
    }
    if wanted(Area::Apply) {
        lines.extend(world::apply(&honey, arguments.full)?);
    }
    if wanted(Area::Replan) {
        lines.extend(world::replan(&honey)?);
    }
    if wanted(Area::Plugins) {
        lines.extend(plugins::measure()?);
    }
    if wanted(Area::Calls) {
        lines.extend(world::calls(&honey)?);
    }
    if wanted(Area::Cluster) {
        lines.extend(cluster::build(&honey)?);
    }
    if wanted(Area::Hosts) {
        match honey_boxes::machine::cannot() {
            None => lines.extend(hosts::measure(&honey)?),
            Some(why) if arguments.area.is_some() => return Err(Failure::Holds(why)),
            Some(why) => eprintln!("hosts are not measured: {why}"),
        }
    }
    print(&lines, arguments.json);
    let broken: Vec<&str> =
        lines.iter().filter(|line| line.holds == Some(false)).map(|line| line.work.as_str()).collect();
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Failure::Holds(format!("below the bar: {}", broken.join("; "))))
    }
}

#[expect(clippy::print_stdout, reason = "a development command talks to a terminal")]
fn print(lines: &[Line], as_json: bool) {
    if as_json {
        println!("{}", serde_json::to_string(lines).unwrap_or_default());
        return;
    }
    println!("{:<8} {:<48} {:>12} {:>22} {:>9}  {:<12}", "area", "work", "honey", "peer", "ratio", "bar");
    for line in lines {
        let peer = line
            .peer
            .as_ref()
            .map_or("-".to_owned(), |peer| format!("{} {} {:.3}", peer.name, peer.version, peer.value));
        let ratio = line.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}"));
        let mark = line.holds.map_or("", |holds| if holds { "holds" } else { "BELOW" });
        let honey = format!("{:.4} {}", line.honey, line.unit);
        println!(
            "{:<8} {:<48} {honey:>12} {peer:>22} {ratio:>9}  {:<12} {mark}",
            line.area, line.work, line.bar
        );
    }
}
