//! `honey destroy`.

use honey_flow::action::{
    apply::{lock, run},
    destroy::plan as make,
    plan::Wish,
};
use honey_ui::view::apply::Show;

use super::{Scope, apply, with_session};
use crate::{
    command::destroy::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn destroy(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let instance = arguments.provider.as_str();
    with_session(context, Scope::One(Some(instance)), Show::Events, async |wired| {
        let lock = lock(&wired.session, "destroy").await?;
        let result = async {
            let wish = Wish { allow_destroy: arguments.allow_destroy.clone(), ..Wish::default() };
            let planned = make(&wired.session, instance, arguments.allow_active, &wish).await?;
            wired.view.clear();
            if !context.output.json || arguments.plan_only {
                super::plan::show(context, wired, &planned, super::plan::detail(arguments.full)).await?;
            }
            if arguments.plan_only || planned.plan.is_empty() {
                return Ok(Exit::Done);
            }
            let name = format!("{}-{instance}", wired.session.config.project.name);
            let question = format!("This removes the cluster `{name}`. Its name, to go on:");
            Context::confirm_name(&question, &name, arguments.confirm.as_deref())?;
            let result = run(&wired.session, lock.as_ref(), planned.plan, &planned.observed).await;
            apply::conclude(context, wired, result).await
        }
        .await;
        lock.release().await?;
        result
    })
}
