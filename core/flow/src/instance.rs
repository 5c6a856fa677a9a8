//! Which instance a command means, and what an instance is to the project.
//! Pure: who calls has read the configuration and the state.

use honey_config::Config;
use honey_model::{Active, Diagnostic, State};
use serde::Serialize;

/// What an instance is to the project, as the state has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It may run the singletons, and the names are its.
    Active,
    /// Built, and not the active one.
    Standby,
    /// Source or target of a cutover that has not ended.
    Moving,
    /// Nothing of it is recorded.
    #[default]
    NotBuilt,
}

impl Role {
    /// The role of an instance.
    pub fn of(state: &State, instance: &str) -> Self {
        let built = state.resources.keys().any(|address| address.scope() == instance);
        match &state.active {
            _ if !built => Self::NotBuilt,
            Active::Instance { name, .. } if name == instance => Self::Active,
            Active::Moving { from, to, .. } if from == instance || to == instance => Self::Moving,
            _ => Self::Standby,
        }
    }

    /// The word for it in output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Moving => "moving",
            Self::NotBuilt => "not built",
        }
    }
}

/// The instance that a command without `--provider` means: the active one, as
/// recorded. Where none was ever active, it is where the first cluster goes:
/// `project.default`, or the only instance there is.
///
/// # Errors
/// HNY0861 in the middle of a cutover; HNY0860 where the active instance is not
/// configured; HNY0109 where nothing says which of several is meant, or where
/// there is none.
pub fn meant(config: &Config, active: &Active) -> Result<String, Diagnostic> {
    let known = || config.instances.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match active {
        Active::Moving { from, to, .. } => {
            let text =
                format!("a cutover from `{from}` to `{to}` has not ended: no instance is the active one");
            let help = format!(
                "end it: `honey cutover --resume` or `honey cutover --abort`; or name the instance that you \
                 mean: `--provider {from}` or `--provider {to}`"
            );
            Err(Diagnostic::error("HNY0861", text).with_help(help))
        }
        Active::Instance { name, .. } if config.instances.contains_key(name) => Ok(name.clone()),
        Active::Instance { name, .. } => {
            let text = format!("the active instance `{name}` is not in the configuration");
            let help = match config.instances.is_empty() {
                true => format!("add `[instances.{name}]` again"),
                false => {
                    format!(
                        "add `[instances.{name}]` again, or name the one that you mean with `--provider`: {}",
                        known()
                    )
                }
            };
            Err(Diagnostic::error("HNY0860", text).with_help(help).at("instances"))
        }
        Active::Nobody => {
            let only = || config.instances.keys().next().filter(|_| config.instances.len() == 1);
            config.project.default.as_ref().or_else(only).cloned().ok_or_else(|| {
                let help = match config.instances.is_empty() {
                    true => "the configuration has no [instances.NAME] table".to_owned(),
                    false => format!("`--provider NAME` or `project.default` chooses one of {}", known()),
                };
                Diagnostic::error("HNY0109", "no instance is chosen").with_help(help)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use honey_config::Config;
    use honey_model::Active;
    use serde_json::json;

    use super::meant;

    fn config(default: Option<&str>, instances: &[&str]) -> Config {
        let tables: serde_json::Map<String, serde_json::Value> =
            instances.iter().map(|name| ((*name).to_owned(), json!({ "plugin": "metal" }))).collect();
        let mut project = json!({ "name": "shop" });
        if let Some(default) = default {
            project["default"] = json!(default);
        }
        let whole = json!({ "version": 1, "project": project, "instances": tables });
        serde_json::from_value(whole).expect("a configuration")
    }

    fn active(name: &str) -> Active {
        Active::Instance { name: name.to_owned(), epoch: 3 }
    }

    #[test]
    fn the_active_instance_is_meant_whatever_the_default_is() {
        let two = config(Some("north"), &["north", "south"]);
        assert_eq!(meant(&two, &active("south")).unwrap(), "south");
        assert_eq!(meant(&two, &active("north")).unwrap(), "north");
        assert_eq!(meant(&config(None, &["north", "south"]), &active("south")).unwrap(), "south");
    }

    #[test]
    fn before_the_first_apply_it_is_the_default_or_the_only_one() {
        let two = &["north", "south"][..];
        assert_eq!(meant(&config(Some("south"), two), &Active::Nobody).unwrap(), "south");
        assert_eq!(meant(&config(None, &["north"]), &Active::Nobody).unwrap(), "north");
        assert_eq!(meant(&config(None, two), &Active::Nobody).unwrap_err().code, "HNY0109");
        assert_eq!(meant(&config(None, &[]), &Active::Nobody).unwrap_err().code, "HNY0109");
    }

    #[test]
    fn in_the_middle_of_a_cutover_nobody_is_guessed() {
        let moving = Active::Moving { from: "north".into(), to: "south".into(), epoch: 2 };
        for config in [config(Some("north"), &["north", "south"]), config(None, &["north"])] {
            let refused = meant(&config, &moving).unwrap_err();
            assert_eq!(refused.code, "HNY0861");
            assert!(refused.help.unwrap().contains("honey cutover --abort"));
        }
    }

    #[test]
    fn an_active_instance_that_is_not_configured_is_named() {
        let refused = meant(&config(None, &["north"]), &active("south")).unwrap_err();
        assert_eq!(refused.code, "HNY0860");
        assert!(refused.summary.contains("south") && refused.help.unwrap().contains("north"));
    }
}
