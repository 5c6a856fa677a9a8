//! The only place where ports get implementations, and where commands call the
//! flow. One file a verb.

mod apply;
mod auth;
mod builtin;
mod cutover;
mod destroy;
mod dns;
mod etcd;
mod kubeconfig;
mod meant;
mod node;
mod plan;
mod plugin;
mod plugin_build;
mod plugin_new;
mod plugin_test;
mod ports;
mod status;
mod unlock;

pub(crate) use apply::apply;
pub(crate) use auth::auth;
pub(crate) use cutover::cutover;
pub(crate) use destroy::destroy;
pub(crate) use dns::dns_swap;
pub(crate) use etcd::{etcd_list, etcd_restore, etcd_snapshot};
pub(crate) use kubeconfig::kubeconfig;
pub(crate) use node::{node_drain, node_list, node_reboot, node_replace, node_uncordon};
pub(crate) use plan::plan;
pub(crate) use plugin::{plugin_inspect, plugin_list, plugin_lock};
pub(crate) use plugin_build::plugin_build;
pub(crate) use plugin_new::plugin_new;
pub(crate) use plugin_test::plugin_test;
pub(crate) use status::status;
pub(crate) use unlock::unlock;

use honey_config::Loaded;
use honey_flow::FlowError;
use honey_model::{Diagnostic, Fault};

use self::meant::Scope;
use crate::{
    context::Context,
    failure::{Exit, Failure},
};

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        let exit = match error.exit_code() {
            2 => Exit::Usage,
            4 => Exit::Stopped,
            5 => Exit::Unverified,
            _ => Exit::Failed,
        };
        match error {
            FlowError::Diagnostics(findings) => Self::Diagnostics(exit, findings),
            FlowError::Fault(fault) | FlowError::Suspended(fault) => Self::Fault(exit, Box::new(fault)),
            FlowError::Moved(things) => {
                let finding = |thing: honey_flow::MovedThing| {
                    Diagnostic::error(
                        "HNY0213",
                        format!(
                            "infrastructure has changed since the plan: {}: {}",
                            thing.address, thing.text
                        ),
                    )
                    .with_help("make a new plan")
                };
                Self::Diagnostics(exit, things.into_iter().map(finding).collect())
            }
            FlowError::Stopped(applied) => Self::Diagnostics(exit, stopped(&applied.failed)),
            FlowError::Interrupted => {
                let finding = Diagnostic::error("HNY0385", "stopped as asked; what is done is recorded");
                Self::Diagnostics(exit, vec![finding.with_help("`honey apply --resume` goes on")])
            }
            FlowError::Unverified(left) => {
                let finding = |text: String| {
                    Diagnostic::error("HNY0386", text).with_help("`honey plan` shows the difference")
                };
                Self::Diagnostics(exit, left.into_iter().map(finding).collect())
            }
        }
    }
}

/// Failed operations; one failure that several met is told once.
fn stopped(failed: &[(honey_model::Address, Fault)]) -> Vec<Diagnostic> {
    let mut groups: Vec<(&Fault, Vec<&honey_model::Address>)> = Vec::new();
    for (address, fault) in failed {
        match groups.iter_mut().find(|(known, _)| known.is_same_failure(fault)) {
            Some((_, addresses)) => addresses.push(address),
            None => groups.push((fault, vec![address])),
        }
    }
    let finding = |(fault, addresses): (&Fault, Vec<&honey_model::Address>)| {
        let shown: Vec<&str> = addresses.iter().take(4).map(|address| address.as_str()).collect();
        let more = addresses.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let finding = Diagnostic::error(fault.code.clone(), format!("{}{more}: {fault}", shown.join(", ")));
        Diagnostic { help: fault.help.clone(), ..finding }
    };
    groups.into_iter().map(finding).collect()
}

/// Plugins that come with this build.
pub(crate) fn built_in() -> Vec<String> {
    builtin::ids().map(str::to_owned).collect()
}

/// Findings of the flow name configuration paths; here they get their places in the file.
fn located(loaded: &Loaded, failure: Failure) -> Failure {
    match failure {
        Failure::Diagnostics(exit, findings) => {
            let place = |mut finding: Diagnostic| {
                if finding.source.is_none() && !finding.path.is_empty() {
                    finding.source = loaded.locate(&finding.path);
                }
                finding
            };
            Failure::Diagnostics(exit, findings.into_iter().map(place).collect())
        }
        other => other,
    }
}

/// Loads, wires and runs something, with Ctrl-C watched.
fn with_session<T>(
    context: &Context,
    scope: Scope<'_>,
    show: honey_ui::view::apply::Show,
    work: impl AsyncFnOnce(&ports::Wired) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let loaded = context.load(scope.named())?;
    context.block_on(async {
        let wired = ports::wire(context, loaded, scope, show).await?;
        let result = work(&wired).await;
        wired.close().await;
        result.map_err(|failure| located(&wired.loaded, failure))
    })
}
