//! Which part an instance plays: shown in the first line of every plan and apply.

use honey_model::{Active, text::visible};

/// The part that an instance plays while a command is at work on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum InstanceRole {
    /// The command is about no instance: shared resources and values only.
    #[default]
    None,
    /// It runs the singletons, and the names point at it.
    Active,
    /// No instance was active before; this run makes it the active one.
    BecomesActive,
    /// Another one is active.
    Standby {
        /// The active one.
        active: String,
    },
    /// No instance is active, and this run does not change that.
    NobodyActive,
    /// A cutover is under way.
    Moving {
        /// Was active.
        from: String,
        /// Will be active.
        to: String,
    },
}

impl InstanceRole {
    /// The role of `instance` where `recorded` is who is active by the state,
    /// and `effective` who counts as active while this command runs.
    pub fn of(instance: &str, recorded: &Active, effective: &Active) -> Self {
        if instance.is_empty() {
            return Self::None;
        }
        match (recorded, effective) {
            (Active::Moving { from, to, .. }, _) => Self::Moving { from: from.clone(), to: to.clone() },
            (Active::Instance { name, .. }, _) if name == instance => Self::Active,
            (Active::Instance { name, .. }, _) => Self::Standby { active: name.clone() },
            (Active::Nobody, effective) if effective.may_run_singletons(instance) => Self::BecomesActive,
            (Active::Nobody, _) => Self::NobodyActive,
        }
    }

    /// One word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Active => "active",
            Self::BecomesActive => "becomes-active",
            Self::Standby { .. } => "standby",
            Self::NobodyActive => "nobody-active",
            Self::Moving { .. } => "moving",
        }
    }

    /// What a person should know of it; empty without an instance.
    pub fn describe(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Active => "active".to_owned(),
            Self::BecomesActive => "becomes the active instance".to_owned(),
            Self::Standby { active } => format!("standby; {} is active", visible(active, 60)),
            Self::NobodyActive => "no instance is active yet".to_owned(),
            Self::Moving { from, to } => {
                format!("a cutover from {} to {} is under way", visible(from, 60), visible(to, 60))
            }
        }
    }

    /// `hetzner (active)`.
    pub fn beside(&self, instance: &str) -> String {
        match self {
            Self::None if instance.is_empty() => "shared resources and values".to_owned(),
            Self::None => visible(instance, 60),
            role => format!("{} ({})", visible(instance, 60), role.describe()),
        }
    }
}

impl serde::Serialize for InstanceRole {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use honey_model::Active;

    use super::InstanceRole;

    #[test]
    fn every_role_has_its_words() {
        let active = |name: &str| Active::Instance { name: name.to_owned(), epoch: 1 };
        let moving = Active::Moving { from: "a".into(), to: "b".into(), epoch: 2 };
        let shown = |instance: &str, recorded: &Active, effective: &Active| {
            let role = InstanceRole::of(instance, recorded, effective);
            format!("{} | {}", role.beside(instance), role.word())
        };
        let nobody = Active::Nobody;
        assert_eq!(shown("a", &active("a"), &active("a")), "a (active) | active");
        assert_eq!(shown("b", &active("a"), &active("a")), "b (standby; a is active) | standby");
        assert_eq!(shown("a", &nobody, &active("a")), "a (becomes the active instance) | becomes-active");
        assert_eq!(shown("b", &nobody, &nobody), "b (no instance is active yet) | nobody-active");
        assert_eq!(shown("a", &moving, &moving), "a (a cutover from a to b is under way) | moving");
        assert_eq!(shown("", &nobody, &nobody), "shared resources and values | none");
    }
}
