//! The one call that turns the records found into the records wanted. Pure.
//!
//! Cloudflare executes deletes, patches, puts and posts of a batch in this
//! order in one database transaction. Records that hold a wanted value stay;
//! the others get a value that is still missing, so ids (and whatever the
//! operator hangs on them, tags for instance) survive, and no two records of
//! the set are ever identical in between.

use serde::{Deserialize, Serialize};

use crate::record::{Content, Record, content_of};

/// Body of `POST /zones/{zone}/dns_records/batch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// First.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<Delete>,
    /// Second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<Post>,
}

/// One record to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delete {
    /// Its id.
    pub id: String,
}

/// One record to change; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Its id.
    pub id: String,
    /// New value.
    #[serde(flatten)]
    pub content: Option<Content>,
    /// New TTL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// New proxy state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxied: Option<bool>,
    /// New comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One record to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Post {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Value.
    #[serde(flatten)]
    pub content: Content,
    /// Seconds.
    pub ttl: u32,
    /// Left out for types that cannot be proxied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxied: Option<bool>,
    /// Ownership mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// `result` of a batch reply.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct BatchResult {
    /// Records as they are after the patches.
    #[serde(default)]
    pub patches: Option<Vec<Record>>,
    /// Records made.
    #[serde(default)]
    pub posts: Option<Vec<Record>>,
}

impl BatchResult {
    /// The records as they are after the batch.
    pub fn applied_to(self, mut found: Vec<Record>, batch: &Batch) -> Vec<Record> {
        found.retain(|record| {
            !batch.deletes.iter().any(|gone| gone.id == record.id)
                && !batch.patches.iter().any(|patched| patched.id == record.id)
        });
        found.extend(self.patches.unwrap_or_default());
        found.extend(self.posts.unwrap_or_default());
        found
    }
}

/// A record set as wanted, in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Full name.
    pub name: &'a str,
    /// `A`, `AAAA` …
    pub record_type: &'a str,
    /// Values.
    pub values: &'a [String],
    /// Set on every record; none keeps what is there and copies it to new ones.
    pub settings: Option<Settings<'a>>,
}

/// What all records of a set share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Seconds.
    pub ttl: u32,
    /// None for types that cannot be proxied.
    pub proxied: Option<bool>,
    /// Ownership mark.
    pub comment: &'a str,
}

impl Batch {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records it touches.
    pub fn len(&self) -> usize {
        self.deletes.len() + self.patches.len() + self.posts.len()
    }

    /// Adds what turns `found` into `wanted`.
    pub fn reconcile(&mut self, found: &[Record], wanted: &Wanted<'_>) {
        let mut missing: Vec<&String> = wanted
            .values
            .iter()
            .filter(|value| !found.iter().any(|record| record.value() == **value))
            .collect();
        missing.reverse();
        let mut held: Vec<String> = Vec::new();
        for record in found {
            let value = record.value();
            let keeps = wanted.values.contains(&value) && !held.contains(&value);
            if keeps {
                held.push(value);
                self.patch(record, None, wanted);
            } else if let Some(next) = missing.pop() {
                self.patch(record, Some(next), wanted);
            } else {
                self.deletes.push(Delete { id: record.id.clone() });
            }
        }
        let pattern = found.first();
        while let Some(value) = missing.pop() {
            self.posts.push(post(value, wanted, pattern));
        }
    }

    fn patch(&mut self, record: &Record, value: Option<&String>, wanted: &Wanted<'_>) {
        let settings = wanted.settings.as_ref();
        let patch = Patch {
            id: record.id.clone(),
            content: value.map(|value| content_of(wanted.record_type, value)),
            ttl: settings.map(|settings| settings.ttl).filter(|ttl| *ttl != record.ttl),
            proxied: settings
                .and_then(|settings| settings.proxied)
                .filter(|proxied| *proxied != record.proxied),
            comment: settings
                .map(|settings| settings.comment)
                .filter(|comment| record.comment.as_deref() != Some(*comment))
                .map(str::to_owned),
        };
        if patch.content.is_some()
            || patch.ttl.is_some()
            || patch.proxied.is_some()
            || patch.comment.is_some()
        {
            self.patches.push(patch);
        }
    }
}

fn post(value: &str, wanted: &Wanted<'_>, pattern: Option<&Record>) -> Post {
    let settings = wanted.settings.as_ref();
    let proxyable = crate::record::can_be_proxied(wanted.record_type);
    Post {
        name: wanted.name.to_owned(),
        record_type: wanted.record_type.to_owned(),
        content: content_of(wanted.record_type, value),
        ttl: settings
            .map(|settings| settings.ttl)
            .or(pattern.map(|record| record.ttl))
            .unwrap_or(crate::record::AUTOMATIC_TTL),
        proxied: settings
            .and_then(|settings| settings.proxied)
            .or(pattern.map(|record| record.proxied))
            .filter(|_| proxyable),
        comment: settings
            .map(|settings| settings.comment.to_owned())
            .or(pattern.and_then(|record| record.comment.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Batch, Settings, Wanted};
    use crate::record::Record;

    fn record(id: &str, value: &str) -> Record {
        Record {
            id: id.to_owned(),
            name: "api.example.com".to_owned(),
            record_type: "A".to_owned(),
            content: value.to_owned(),
            priority: None,
            proxied: true,
            ttl: 1,
            comment: Some("mark".to_owned()),
        }
    }

    fn plan(found: &[Record], values: &[&str], settings: Option<Settings<'_>>) -> serde_json::Value {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let mut batch = Batch::default();
        batch.reconcile(
            found,
            &Wanted { name: "api.example.com", record_type: "A", values: &values, settings },
        );
        serde_json::to_value(batch).expect("a batch is JSON")
    }

    #[test]
    fn a_swap_changes_contents_and_nothing_else() {
        let found = [record("1", "127.0.0.1"), record("2", "127.0.0.2")];
        assert_eq!(
            plan(&found, &["127.0.0.8", "127.0.0.9"], None),
            json!({"patches": [{"id": "1", "content": "127.0.0.8"}, {"id": "2", "content": "127.0.0.9"}]})
        );
    }

    #[test]
    fn a_wanted_value_keeps_its_record() {
        let found = [record("1", "127.0.0.1"), record("2", "127.0.0.2")];
        assert_eq!(
            plan(&found, &["127.0.0.2", "127.0.0.3"], None),
            json!({"patches": [{"id": "1", "content": "127.0.0.3"}]})
        );
        assert_eq!(plan(&found, &["127.0.0.2", "127.0.0.1"], None), json!({}));
    }

    #[test]
    fn sets_grow_and_shrink_with_the_settings_of_the_set() {
        let found = [record("1", "127.0.0.1")];
        assert_eq!(
            plan(&found, &["127.0.0.1", "127.0.0.2"], None),
            json!({"posts": [{"name": "api.example.com", "type": "A", "content": "127.0.0.2", "ttl": 1,
                "proxied": true, "comment": "mark"}]})
        );
        let found = [record("1", "127.0.0.1"), record("2", "127.0.0.2")];
        assert_eq!(plan(&found, &["127.0.0.2"], None), json!({"deletes": [{"id": "1"}]}));
    }

    #[test]
    fn settings_reach_every_record_of_the_set() {
        let found = [record("1", "127.0.0.1")];
        let settings = Settings { ttl: 300, proxied: Some(false), comment: "new" };
        assert_eq!(
            plan(&found, &["127.0.0.1"], Some(settings)),
            json!({"patches": [{"id": "1", "ttl": 300, "proxied": false, "comment": "new"}]})
        );
    }
}
