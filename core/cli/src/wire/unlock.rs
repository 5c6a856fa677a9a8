//! `honey unlock`.

use honey_model::Diagnostic;
use honey_ui::view::apply::Show;

use super::{Scope, with_session};
use crate::{
    command::unlock::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn unlock(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    with_session(context, Scope::Project, Show::Nothing, async |wired| {
        let store = &wired.session.ports.store;
        let Some(holder) = store.lock_holder().await? else {
            let nobody = "nobody holds the lock";
            context.output.show(|_| nobody.to_owned(), &serde_json::json!({ "holder": null }))?;
            return Ok(Exit::Done);
        };
        let told = format!(
            "{} (process {}) holds the lock {}: {}",
            holder.who, holder.pid, holder.id, holder.command
        );
        match &arguments.id {
            None => context.output.show(|_| told.clone(), &serde_json::json!({ "holder": holder }))?,
            Some(id) if *id == holder.id => {
                store.break_lock(id).await?;
                let text = format!("broken: {told}");
                context.output.show(|_| text.clone(), &serde_json::json!({ "broken": holder }))?;
            }
            Some(_) => {
                return Err(Failure::usage(Diagnostic::error("HNY0910", format!("not that lock: {told}"))));
            }
        }
        Ok(Exit::Done)
    })
}
