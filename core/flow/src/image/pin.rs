//! Puts digests in the place of tags, and names what has none. Pure.

use std::collections::{BTreeMap, BTreeSet};

use honey_catalogue::RenderedObject;
use honey_model::{Diagnostic, ImageReference, text::visible};

use super::{
    place::{places, put, shown},
    resolve::Resolved,
};

/// Every image of the objects that a registry may have to be asked for.
pub(crate) fn texts(objects: &[RenderedObject]) -> BTreeSet<String> {
    let all = objects.iter().flat_map(|entry| places(&entry.object));
    all.filter(|place| !place.in_parts).map(|place| place.text).collect()
}

/// Puts in what the registries said. What they do not have stays as written.
pub(crate) fn pin(objects: &mut [RenderedObject], resolved: &BTreeMap<String, Resolved>) {
    for entry in objects {
        for place in places(&entry.object).into_iter().filter(|place| !place.in_parts) {
            if let Some(Resolved::Pinned { image, .. }) = resolved.get(&place.text) {
                put(&mut entry.object, &place, image);
            }
        }
    }
}

/// What is wrong with the images that are wanted in the end, all at once.
/// `configured` is what stands in `[stack.images]`.
pub(crate) fn check<'a>(
    objects: &[RenderedObject],
    resolved: &BTreeMap<String, Resolved>,
    configured: impl IntoIterator<Item = (&'a String, &'a String)> + Clone,
) -> Vec<Diagnostic> {
    let origin = |text: &str| {
        let found = configured.clone().into_iter().find(|(_, image)| *image == text);
        found.map_or_else(|| "stack".to_owned(), |(name, _)| format!("stack.images.{name}"))
    };
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut loose: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut hosts = BTreeSet::new();
    let mut found = Vec::new();
    for entry in objects {
        for place in places(&entry.object) {
            let at = || shown(&entry.object, &place);
            let reference = match ImageReference::parse(&place.text) {
                Ok(reference) => reference,
                Err(error) => {
                    let text = format!("{}: `{}` is not an image reference", at(), visible(&place.text, 120));
                    let text = format!("{text}: {}", visible(&error.to_string(), 200));
                    found.push(
                        Diagnostic::error("HNY0685", text)
                            .with_help(visible(&error.help(), 300))
                            .at(origin(&place.text)),
                    );
                    continue;
                }
            };
            if reference.digest().is_some() {
                continue;
            }
            let here = if place.in_parts { format!("{} (in parts)", at()) } else { at() };
            match resolved.get(&place.text).filter(|_| !place.in_parts) {
                // Whether a field of a kind that nobody knows is an image, only its host tells.
                Some(Resolved::Missing(_)) if place.certain || names_host(&place.text, &reference) => {
                    missing.entry(place.text.clone()).or_default().push(here);
                }
                Some(Resolved::NoRegistry { host }) => {
                    hosts.insert(host.clone());
                    loose.entry(place.text.clone()).or_default().insert(here);
                }
                _ => {
                    loose.entry(place.text.clone()).or_default().insert(here);
                }
            }
        }
    }
    for (text, places) in missing {
        let Some(Resolved::Missing(fault)) = resolved.get(&text) else { continue };
        let summary = format!(
            "`{}` does not exist: {}; wanted by {}",
            visible(&text, 160),
            fault.message,
            places.join(", ")
        );
        let help =
            fault.help.clone().unwrap_or_else(|| "push the image, or correct its name and tag".to_owned());
        found.push(Diagnostic::error("HNY0682", summary).with_help(help).at(origin(&text)));
    }
    let words = resolved.values().filter_map(|one| match one {
        Resolved::Pinned { warnings, .. } => Some(warnings),
        _ => None,
    });
    found.extend(words.flatten().map(|text| Diagnostic::warning("HNY0681", text).at("stack.images")));
    found.extend(not_pinned(&loose, &hosts));
    found
}

fn names_host(text: &str, reference: &ImageReference) -> bool {
    text.to_ascii_lowercase().starts_with(&format!("{}/", reference.host()))
}

/// One warning for all of them.
fn not_pinned(loose: &BTreeMap<String, BTreeSet<String>>, hosts: &BTreeSet<String>) -> Option<Diagnostic> {
    if loose.is_empty() {
        return None;
    }
    let one = |(text, places): (&String, &BTreeSet<String>)| {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        format!("{} ({})", visible(text, 160), places.join(", "))
    };
    let all: Vec<String> = loose.iter().map(one).collect();
    let number = match all.len() {
        1 => "1 image is".to_owned(),
        many => format!("{many} images are"),
    };
    let hosts: Vec<String> = hosts.iter().map(|host| format!("`{}`", visible(host, 80))).collect();
    let help = match hosts.is_empty() {
        true => "write each with its digest, `name@sha256:…`".to_owned(),
        false => format!(
            "write each with its digest, `name@sha256:…`, or name a registry with the host {} under [registries]",
            hosts.join(", ")
        ),
    };
    let summary = format!("{number} not pinned by digest, so that a tag may move: {}", all.join("; "));
    Some(Diagnostic::warning("HNY0681", summary).with_help(help).at("stack"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Resolved, check, pin, texts};
    use honey_catalogue::RenderedObject;
    use honey_model::{Fault, FaultClass, Severity};
    use serde_json::{Value, json};

    fn object(kind: &str, version: &str, spec: Value) -> RenderedObject {
        let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec});
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

    fn deployment(image: &str) -> RenderedObject {
        let containers = json!([{"name": "c", "image": image}]);
        object("Deployment", "apps/v1", json!({"template": {"spec": {"containers": containers}}}))
    }

    fn missing() -> Resolved {
        Resolved::Missing(Box::new(Fault::new(FaultClass::NotFound, "x::gone", "no such image")))
    }

    fn none() -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    #[test]
    fn what_a_registry_knows_is_put_in_wherever_it_stands() {
        let image = format!("r.io:3000/a@sha256:{}", "a".repeat(64));
        let mut objects = vec![
            deployment("r.io:3000/a"),
            object("Thing", "example.org/v1", json!({"image": "r.io:3000/a"})),
        ];
        assert_eq!(texts(&objects).len(), 1, "one question");
        let pinned = Resolved::Pinned { image: image.clone(), warnings: vec!["old".into()] };
        let resolved = BTreeMap::from([("r.io:3000/a".to_owned(), pinned)]);
        pin(&mut objects, &resolved);
        assert_eq!(objects[0].object["spec"]["template"]["spec"]["containers"][0]["image"], json!(image));
        assert_eq!(objects[1].object["spec"]["image"], json!(image));
        let found = check(&objects, &resolved, &none());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].code.as_str(), found[0].summary.as_str()), ("HNY0681", "old"));
    }

    #[test]
    fn those_without_a_registry_are_named_in_one_warning() {
        let objects = vec![
            deployment("redis:7"),
            deployment("quay.io/b"),
            object("Thing", "example.org/v1", json!({"image": {"repository": "r.io/p", "tag": "1"}})),
        ];
        let no = |host: &str| Resolved::NoRegistry { host: host.into() };
        let resolved = BTreeMap::from([
            ("redis:7".to_owned(), no("docker.io")),
            ("quay.io/b".to_owned(), no("quay.io")),
        ]);
        let found = check(&objects, &resolved, &none());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].severity, found[0].code.as_str()), (Severity::Warning, "HNY0681"));
        for word in
            ["3 images", "redis:7 (Deployment/x containers[c].image)", "r.io/p:1 (Thing/x image (in parts))"]
        {
            assert!(found[0].summary.contains(word), "{word}: {}", found[0].summary);
        }
        assert!(found[0].help.as_deref().unwrap_or_default().contains("`docker.io`, `quay.io`"));
    }

    #[test]
    fn an_image_that_does_not_exist_is_an_error_with_every_place() {
        let objects = vec![deployment("r.io/a/b:1"), deployment("r.io/a/b:1")];
        let resolved = BTreeMap::from([("r.io/a/b:1".to_owned(), missing())]);
        let images = BTreeMap::from([("api".to_owned(), "r.io/a/b:1".to_owned())]);
        let found = check(&objects, &resolved, &images);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].code.as_str(), found[0].path.as_str()), ("HNY0682", "stack.images.api"));
        assert_eq!(found[0].summary.matches("Deployment/x containers[c].image").count(), 2);
    }

    #[test]
    fn a_word_in_an_unknown_kind_is_not_an_error_only_for_being_no_image() {
        let resolved = BTreeMap::from([("logo".to_owned(), missing())]);
        let found = check(&[object("Thing", "example.org/v1", json!({"image": "logo"}))], &resolved, &none());
        assert_eq!(found[0].severity, Severity::Warning, "{found:?}");
        let found = check(&[deployment("logo")], &resolved, &none());
        assert_eq!(found[0].severity, Severity::Error, "{found:?}");
    }

    #[test]
    fn a_text_that_is_no_reference_is_an_error_with_its_object_and_field() {
        let found = check(&[deployment("https://r.io/a")], &BTreeMap::new(), &none());
        assert_eq!((found[0].code.as_str(), found[0].severity), ("HNY0685", Severity::Error));
        assert!(
            found[0].summary.starts_with("Deployment/x containers[c].image: `https://r.io/a`"),
            "{found:?}"
        );
    }
}
