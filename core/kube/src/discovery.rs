//! From a kind's name to its REST path, as the API itself says.

use std::collections::HashMap;

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, cluster::ObjectName};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    access::{Access, Call},
    fault::{self, shown},
};

/// Where a kind stands in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    root: String,
    plural: String,
    pub(crate) namespaced: bool,
    pub(crate) scalable: bool,
}

impl Place {
    /// The path of the whole list.
    pub(crate) fn list(&self, namespace: Option<&str>) -> String {
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{}/namespaces/{}/{}", self.root, segment(namespace), self.plural),
            None => format!("{}/{}", self.root, self.plural),
        }
    }

    /// The path of one object.
    pub(crate) fn object(&self, name: &ObjectName) -> String {
        let namespace = name.namespace.as_deref().unwrap_or("default");
        format!("{}/{}", self.list(Some(namespace)), segment(&name.name))
    }
}

/// A path segment or a query value, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// What each API version serves, as far as it was asked.
#[derive(Default)]
pub(crate) struct Discovery {
    versions: Mutex<HashMap<String, HashMap<String, Place>>>,
}

impl Discovery {
    /// Where a kind stands; `None` when the API does not serve it (yet). A kind
    /// that is not known is asked for again: its definition may have come.
    pub(crate) async fn place(
        &self,
        access: &Access,
        context: &CallContext,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Place>, Fault> {
        let mut versions = self.versions.lock().await;
        if let Some(place) = versions.get(api_version).and_then(|kinds| kinds.get(kind)) {
            return Ok(Some(place.clone()));
        }
        let root = match api_version.split_once('/') {
            Some((group, version)) => format!("/apis/{}/{}", segment(group), segment(version)),
            None => format!("/api/{}", segment(api_version)),
        };
        let what = format!("cannot learn what {} holds", shown(api_version));
        let Some(listed) = access.found(context, &Call::get(what, &root)).await? else {
            versions.remove(api_version);
            return Ok(None);
        };
        let kinds = read(&root, &listed);
        let place = kinds.get(kind).cloned();
        versions.insert(api_version.to_owned(), kinds);
        Ok(place)
    }

    /// The same, where the kind must be known.
    pub(crate) async fn known(
        &self,
        access: &Access,
        context: &CallContext,
        api_version: &str,
        kind: &str,
    ) -> Result<Place, Fault> {
        self.place(access, context, api_version, kind).await?.ok_or_else(|| {
            Fault::new(
                FaultClass::NotFound,
                fault::UNKNOWN_KIND,
                format!("the cluster knows no kind {} of {}", shown(kind), shown(api_version)),
            )
            .with_help("apply the definition (CustomResourceDefinition) of this kind first")
        })
    }
}

fn read(root: &str, listed: &Value) -> HashMap<String, Place> {
    let resources = listed["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = resources.iter().filter_map(|resource| resource["name"].as_str()).collect();
    resources
        .iter()
        .filter_map(|resource| {
            let (plural, kind) = (resource["name"].as_str()?, resource["kind"].as_str()?);
            if plural.contains('/') {
                return None;
            }
            let scale = format!("{plural}/scale");
            let place = Place {
                root: root.to_owned(),
                plural: plural.to_owned(),
                namespaced: resource["namespaced"].as_bool().unwrap_or(false),
                scalable: names.contains(&scale.as_str()),
            };
            Some((kind.to_owned(), place))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use honey_ports::cluster::ObjectName;
    use serde_json::json;

    use super::{read, segment};

    #[test]
    fn paths_come_from_the_list_and_names_cannot_leave_them() {
        let kinds = read(
            "/apis/apps/v1",
            &json!({"resources": [
                {"name": "deployments", "kind": "Deployment", "namespaced": true},
                {"name": "deployments/scale", "kind": "Scale", "namespaced": true},
            ]}),
        );
        let place = &kinds["Deployment"];
        assert!(place.scalable && !kinds.contains_key("Scale"));
        let name = ObjectName {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: Some("honeydue".into()),
            name: "../secrets/x?y".into(),
        };
        assert_eq!(place.object(&name), "/apis/apps/v1/namespaces/honeydue/deployments/..%2Fsecrets%2Fx%3Fy");
        assert_eq!(segment("a=b,c in (d)"), "a%3Db%2Cc%20in%20%28d%29");
    }
}
