//! `honey dns swap`.

use honey_flow::action::dns_swap::{prepare, run};
use honey_model::Diagnostic;
use honey_ui::view::apply::Show;

use super::{Scope, with_session};
use crate::{
    command::dns::Swap,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn dns_swap(context: &Context, arguments: &Swap) -> Result<Exit, Failure> {
    with_session(context, Scope::Project, Show::Events, async |wired| {
        let swap = prepare(&wired.session, &arguments.to).await?;
        if let Some(active) = &swap.left_behind {
            let text = format!("the singletons stay on `{active}`: only the names move");
            let help = format!("`honey cutover --to {}` moves both", arguments.to);
            context
                .output
                .warnings(&[Diagnostic::warning("HNY0823", text).with_help(help)], &Context::reader());
        }
        let pending = swap.dns.swaps.iter().map(|one| {
            format!("  {} {}: {} -> {}", one.record_type, one.name, one.expect.join(", "), one.set.join(", "))
        });
        if !context.output.json {
            context.output.message(&pending.collect::<Vec<_>>().join("\n"));
        }
        Context::confirm(
            &format!("Move {} names to `{}`?", swap.dns.swaps.len(), arguments.to),
            arguments.yes,
        )?;
        run(&wired.session, &swap).await?;
        let mut shown = serde_json::to_value(&swap).unwrap_or_default();
        shown["vendor_calls"] = serde_json::json!(wired.vendor_calls());
        context
            .output
            .show(|_| format!("{} names point to `{}`", swap.dns.swaps.len(), arguments.to), &shown)?;
        Ok(Exit::Done)
    })
}
