//! Where a leaf is, as an operator would say it: `api.image`, `volumes.data`.

use std::collections::HashMap;

use honey_model::text::visible;

use super::leaf::Segment;

/// Where the objects of a cluster carry their pods.
const POD: &[&[&str]] =
    &[&["spec", "jobTemplate", "spec", "template", "spec"], &["spec", "template", "spec"]];
/// A container of such a name keeps its list's name in front.
const FIELDS: &[&str] = &[
    "volumes",
    "initContainers",
    "ephemeralContainers",
    "containers",
    "nodeSelector",
    "imagePullSecrets",
    "tolerations",
    "topologySpreadConstraints",
    "hostAliases",
    "affinity",
    "securityContext",
    "metadata",
    "spec",
    "template",
    "data",
    "env",
];

/// Every segment.
pub(super) fn plain(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Field(name) | Segment::Item(name, _) => named(&mut text, name),
            Segment::Member(_) => {}
            Segment::Index(before, after) => {
                text.push_str(&format!("[{}]", before.or(*after).unwrap_or_default()));
            }
        }
    }
    if text.is_empty() { "(all)".to_owned() } else { text }
}

/// A name that holds a dot itself stands in brackets.
fn named(text: &mut String, name: &str) {
    let shown = visible(name, 200);
    let plain = !name.is_empty() && !name.contains(['.', '[', ']', ' ']);
    match (plain, text.is_empty()) {
        (true, true) => text.push_str(&shown),
        (true, false) => {
            text.push('.');
            text.push_str(&shown);
        }
        (false, _) => text.push_str(&format!("[{shown}]")),
    }
}

/// A path inside of an object of a cluster, shortened.
fn short(path: &[Segment], pod: bool) -> String {
    let field = |segment: &Segment, name: &str| matches!(segment, Segment::Field(field) if field == name);
    let starts = |path: &[Segment], names: &[&str]| {
        path.len() > names.len() && names.iter().zip(path).all(|(name, segment)| field(segment, name))
    };
    let own: &[&[&str]] = if pod { &[&["spec"]] } else { POD };
    let mut path = match own.iter().find(|names| starts(path, names)) {
        Some(names) => &path[names.len()..],
        None => {
            return plain(
                path.strip_prefix(&[Segment::Field("spec".to_owned())][..])
                    .filter(|rest| {
                        // The pods' own labels and annotations are told from the object's.
                        rest.len() > 1 && starts(rest, &["template", "metadata"])
                    })
                    .unwrap_or(path),
            );
        }
    };
    if let [first, Segment::Item(name, _), ..] = path
        && field(first, "containers")
        && !FIELDS.contains(&name.as_str())
    {
        path = &path[1..];
    }
    // A variable's value is what the variable is.
    if let [front @ .., Segment::Field(list), Segment::Item(..), Segment::Field(value)] = path
        && list == "env"
        && value == "value"
    {
        path = &path[..front.len() + 2];
    }
    plain(path)
}

/// How the paths of one operation are written: shortened where they are of an
/// object of a cluster, whole where two would read the same.
pub(super) fn displayed(paths: &[&[Segment]], kind: Option<&str>) -> Vec<String> {
    let Some(kind) = kind else { return paths.iter().map(|path| plain(path)).collect() };
    let inner = |path: &&[Segment]| match path {
        [Segment::Field(first), rest @ ..] if first == "object" && !rest.is_empty() => Some(rest.to_vec()),
        _ => None,
    };
    let whole: Vec<String> =
        paths.iter().map(|path| plain(&inner(path).unwrap_or_else(|| path.to_vec()))).collect();
    let short: Vec<String> = paths
        .iter()
        .map(|path| inner(path).map_or_else(|| plain(path), |rest| short(&rest, kind == "Pod")))
        .collect();
    let mut meaning: HashMap<&str, Option<&str>> = HashMap::with_capacity(short.len());
    for (short, whole) in short.iter().zip(&whole) {
        // Two meanings of one text are none.
        let known = meaning.entry(short).or_insert(Some(whole));
        *known = known.filter(|other| other == whole);
    }
    let unambiguous = |text: &String| meaning.get(text.as_str()).is_some_and(Option::is_some);
    short
        .iter()
        .zip(&whole)
        .map(|(short, whole)| if unambiguous(short) { short } else { whole })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Segment, displayed};

    fn path(text: &str) -> Vec<Segment> {
        let segment = |part: &str| match part.strip_prefix('#') {
            Some(item) => Segment::Item(item.to_owned(), &["name"]),
            None => Segment::Field(part.replace('|', "/")),
        };
        text.split('/').map(segment).collect()
    }

    fn shown(texts: &[&str], kind: &str) -> Vec<String> {
        let paths: Vec<Vec<Segment>> = texts.iter().map(|text| path(text)).collect();
        displayed(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>(), Some(kind))
    }

    #[test]
    fn paths_read_as_an_operator_says_them() {
        let paths = [
            "object/spec/template/spec/containers/#api/image",
            "object/spec/template/spec/containers/#api/env/#LOG/value",
            "object/spec/template/spec/initContainers/#wait/image",
            "object/spec/template/spec/volumes/#data/emptyDir",
            "object/spec/template/metadata/annotations/honey.dev|config",
            "object/metadata/labels/app",
            "object/spec/replicas",
            "object/data/a.conf",
            "object/spec/jobTemplate/spec/template/spec/containers/#job/image",
        ];
        let expected = [
            "api.image",
            "api.env.LOG",
            "initContainers.wait.image",
            "volumes.data.emptyDir",
            "template.metadata.annotations[honey.dev/config]",
            "metadata.labels.app",
            "spec.replicas",
            "data[a.conf]",
            "job.image",
        ];
        assert_eq!(shown(&paths, "Deployment"), expected);
        assert_eq!(shown(&["object/spec/containers/#api/image"], "Pod"), ["api.image"]);
    }

    #[test]
    fn two_paths_never_read_the_same() {
        let paths = ["object/spec/template/spec/containers/#a/image", "object/a/image"];
        assert_eq!(shown(&paths, "Odd"), ["spec.template.spec.containers.a.image", "a.image"]);
        let paths = ["object/spec/template/spec/containers/#volumes/image"];
        assert_eq!(shown(&paths, "Deployment"), ["containers.volumes.image"]);
    }
}
