//! `honey auth`: a credential that the operator confirms on the vendor's page.

use std::time::Duration;

use honey_model::{Address, Fault, FaultClass};
use honey_ui::view::apply::Show;

use super::{Scope, with_session};
use crate::{
    command::auth::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

const POLL: Duration = Duration::from_secs(3);

pub(crate) fn auth(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    with_session(context, Scope::Project, Show::Nothing, async |wired| {
        let id = &arguments.plugin;
        let missing =
            || Fault::new(FaultClass::Unsupported, "HNY0485", format!("the plugin `{id}` is not loaded"));
        let plugin = wired.session.ports.capabilities.get(id).ok_or_else(missing)?;
        let address = Address::new(&format!("shared/login/{id}"))
            .map_err(|error| Fault::new(FaultClass::Invalid, "HNY0182", error.to_string()))?;
        let call = wired.session.reading(&address);
        let started = plugin.start_login(&call).await?;
        context.output.message(&format!("{}\nopen this page and confirm:\n  {}", started.note, started.url));
        while !plugin.login_finished(&call).await? {
            if context.cancel.is_canceled() {
                return Err(Fault::new(
                    FaultClass::Canceled,
                    "HNY0385",
                    "stopped while waiting for the confirmation",
                )
                .into());
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = context.cancel.canceled() => {}
            }
        }
        let text = format!("`{id}` has its credential");
        context.output.show(|_| text.clone(), &serde_json::json!({ "plugin": id, "ready": true }))?;
        Ok(Exit::Done)
    })
}
