//! A standby runs the images that the active instance runs, as recorded in
//! state: the configuration may be ahead of the schema that the active
//! instance's migrations brought the shared data to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use honey_catalogue::RenderedObject;
use honey_model::{Active, Diagnostic, State, image::short, text::visible};
use serde_json::Value;

use super::place::{places, put};
use crate::active_only::identity;

/// Differences that one diagnostic names.
const MOST: usize = 8;

/// Whose images an instance takes; none where it is the active one, or nobody is.
pub(crate) fn leader<'a>(active: &'a Active, instance: &str) -> Option<&'a str> {
    let leader = match active {
        Active::Nobody => return None,
        Active::Instance { name, .. } => name,
        // Until the move is done, the source is what runs.
        Active::Moving { from, .. } => from,
    };
    (leader != instance).then_some(leader.as_str())
}

/// What the configuration names and what the active instance runs instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    /// By the configuration, as far as its registry made it exact.
    pub(crate) configured: String,
    /// By the active instance's records.
    pub(crate) runs: String,
}

/// The active instance's images: for each object the image of each place.
pub(crate) struct Leading<'a>(BTreeMap<(String, String, String, String), BTreeMap<String, String>>, &'a str);

impl<'a> Leading<'a> {
    /// Reads them from the records of `leader`.
    pub(crate) fn new(state: &State, leader: &'a str) -> Self {
        let objects = state
            .resources
            .iter()
            .filter(|(address, record)| address.scope() == leader && record.kind == "kube-object")
            .filter_map(|(_, record)| record.attributes.get("object"));
        let images = |object: &Value| -> BTreeMap<String, String> {
            let whole = places(object).into_iter().filter(|place| !place.in_parts);
            whole.map(|place| (place.key, place.text)).collect()
        };
        let all = objects.map(|object| (identity(object), images(object)));
        Self(all.filter(|(_, images)| !images.is_empty()).collect(), leader)
    }

    /// What the active instance runs in this place of this object.
    pub(crate) fn image(&self, object: &Value, key: &str) -> Option<&str> {
        self.0.get(&identity(object))?.get(key).map(String::as_str)
    }
}

/// Takes over what the active instance runs; with `ahead` it only says what is different.
pub(crate) fn follow(
    objects: &mut [RenderedObject],
    leading: &Leading<'_>,
    ahead: bool,
) -> BTreeSet<Difference> {
    let mut different = BTreeSet::new();
    for entry in objects {
        for place in places(&entry.object).into_iter().filter(|place| !place.in_parts) {
            let Some(runs) = leading.image(&entry.object, &place.key).filter(|runs| *runs != place.text)
            else {
                continue;
            };
            different.insert(Difference { configured: place.text.clone(), runs: runs.to_owned() });
            if !ahead {
                put(&mut entry.object, &place, runs);
            }
        }
    }
    different
}

/// What the operator should know about it.
pub(crate) fn report(
    instance: &str,
    leading: &Leading<'_>,
    different: &BTreeSet<Difference>,
    ahead: bool,
) -> Option<Diagnostic> {
    if different.is_empty() {
        return None;
    }
    let leader = leading.1;
    let shown = |text: &str| visible(&short(text), 160);
    let mut all: Vec<String> = different
        .iter()
        .take(MOST)
        .map(|one| {
            let (configured, runs) = (shown(&one.configured), shown(&one.runs));
            format!("{configured} (`{leader}` runs {runs})")
        })
        .collect();
    if different.len() > MOST {
        all.push(format!("and {} more", different.len() - MOST));
    }
    let all = all.join(", ");
    Some(match ahead {
        false => Diagnostic::new(
            honey_model::Severity::Note,
            "HNY0683",
            format!(
                "`{instance}` gets the images that the active instance `{leader}` runs; the configuration names {all}"
            ),
        )
        .with_help(format!(
            "deploy to the active instance first, `honey apply --provider {leader}`, or say `--ahead-of-active`"
        ))
        .at("stack.images"),
        true => Diagnostic::warning(
            "HNY0684",
            format!(
                "`{instance}` gets ahead of the active instance `{leader}`: {all}; migrations run on `{leader}` only, so this code may need a schema that is not there yet"
            ),
        )
        .with_help(format!(
            "`honey apply --provider {leader}` deploys the same there; `honey apply --provider {instance}` goes back to what `{leader}` runs"
        ))
        .at("stack.images"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Leading, follow, leader, report};
    use honey_catalogue::RenderedObject;
    use honey_model::{Active, Address, Record, Severity, State};
    use serde_json::{Value, json};

    fn deployment(name: &str, containers: &[(&str, &str)]) -> Value {
        let containers: Vec<Value> =
            containers.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "n"},
            "spec": {"template": {"spec": {"containers": containers}}}})
    }

    fn rendered(object: Value) -> RenderedObject {
        RenderedObject {
            phase: "p".into(),
            phase_order: 0,
            order: 0,
            gate: false,
            file: "f".into(),
            line: None,
            object,
        }
    }

    fn state(scope: &str, objects: &[Value]) -> State {
        let mut state = State::empty("l");
        for object in objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let record = Record {
                kind: "kube-object".into(),
                driver: "honey".into(),
                id: name.into(),
                schema_version: 1,
                attributes: json!({"object": object}),
                outputs: json!({}),
                dependencies: Vec::new(),
                protect: false,
                keep: false,
            };
            state.resources.insert(Address::of(&[scope, "kube", "n", "Deployment", name]), record);
        }
        state
    }

    fn images(object: &Value) -> Vec<String> {
        super::places(object).into_iter().map(|place| place.text).collect()
    }

    #[test]
    fn each_container_gets_what_its_twin_runs_whatever_their_order() {
        let state = state("a", &[deployment("api", &[("side", "r.io/s@old"), ("api", "r.io/api:1")])]);
        let mut objects = vec![rendered(deployment(
            "api",
            &[("api", "r.io/api:2"), ("side", "r.io/s@old"), ("new", "r.io/n")],
        ))];
        let leading = Leading::new(&state, "a");
        let different = follow(&mut objects, &leading, false);
        assert_eq!(images(&objects[0].object), ["r.io/api:1", "r.io/s@old", "r.io/n"]);
        assert_eq!(different.len(), 1);
        let note = report("b", &leading, &different, false).unwrap();
        assert_eq!((note.severity, note.code.as_str()), (Severity::Note, "HNY0683"));
        assert!(note.summary.contains("r.io/api:2 (`a` runs r.io/api:1)"), "{}", note.summary);
    }

    #[test]
    fn what_the_active_instance_has_not_is_as_configured() {
        let state = state("a", &[deployment("api", &[("api", "r.io/api:1")])]);
        let mut objects = vec![rendered(deployment("web", &[("web", "r.io/web:2")]))];
        let leading = Leading::new(&state, "a");
        assert!(follow(&mut objects, &leading, false).is_empty());
        assert_eq!(images(&objects[0].object), ["r.io/web:2"]);
        assert_eq!(report("b", &leading, &std::collections::BTreeSet::new(), false), None);
        let of_another = Leading::new(&state, "c");
        let mut objects = vec![rendered(deployment("api", &[("api", "r.io/api:2")]))];
        assert!(follow(&mut objects, &of_another, false).is_empty());
    }

    #[test]
    fn ahead_in_so_many_words_keeps_the_configuration_and_warns() {
        let state = state("a", &[deployment("api", &[("api", "r.io/api:1")])]);
        let mut objects = vec![rendered(deployment("api", &[("api", "r.io/api:2")]))];
        let leading = Leading::new(&state, "a");
        let different = follow(&mut objects, &leading, true);
        assert_eq!(images(&objects[0].object), ["r.io/api:2"]);
        let warning = report("b", &leading, &different, true).unwrap();
        assert_eq!((warning.severity, warning.code.as_str()), (Severity::Warning, "HNY0684"));
    }

    #[test]
    fn only_an_instance_that_is_not_active_follows() {
        let active = Active::Instance { name: "a".into(), epoch: 1 };
        assert_eq!(leader(&active, "a"), None);
        assert_eq!(leader(&active, "b"), Some("a"));
        assert_eq!(leader(&Active::Nobody, "b"), None);
        let moving = Active::Moving { from: "a".into(), to: "b".into(), epoch: 2 };
        assert_eq!((leader(&moving, "a"), leader(&moving, "b")), (None, Some("a")));
    }
}
