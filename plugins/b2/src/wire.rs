//! What B2's native API v4 says, as far as honey needs it, and the way from
//! and to the shapes of the kinds. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Reply of `b2_authorize_account`; the token itself never comes in here.
#[derive(Clone, Debug, Deserialize)]
pub struct Authorized {
    /// Needed in most calls.
    #[serde(rename = "accountId")]
    pub account_id: String,
    /// What the key may do and where.
    #[serde(rename = "apiInfo")]
    pub api_info: ApiInfo,
}

/// The APIs an account has.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiInfo {
    /// Buckets and files.
    #[serde(rename = "storageApi")]
    pub storage: StorageApi,
}

/// Where the account lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageApi {
    /// Base of all further calls.
    pub api_url: String,
    /// `https://s3.us-west-004.backblazeb2.com`
    pub s3_api_url: String,
    /// What the key may do.
    #[serde(default)]
    pub allowed: Allowed,
}

/// What the key may do.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Allowed {
    /// `listBuckets`, …
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// A session: what is kept of an authorization, for this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Needed in most calls.
    pub account_id: String,
    /// Base of all further calls.
    pub api_url: String,
    /// For applications that speak S3.
    pub s3_url: String,
}

impl Session {
    /// `us-west-004` of `https://s3.us-west-004.backblazeb2.com`.
    pub fn region(&self) -> String {
        let host = self.s3_url.split_once("://").map_or(self.s3_url.as_str(), |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        host.strip_prefix("s3.").and_then(|rest| rest.split('.').next()).unwrap_or_default().to_owned()
    }
}

/// A bucket.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The vendor's id.
    pub bucket_id: String,
    /// Globally unique.
    pub bucket_name: String,
    /// `allPrivate`, `allPublic`; others are tolerated.
    #[serde(default)]
    pub bucket_type: String,
    /// Texts of the owner's: honey's marks are here.
    #[serde(default)]
    pub bucket_info: Map<String, Value>,
    /// Rules.
    #[serde(default)]
    pub cors_rules: Vec<CorsRule>,
    /// Rules.
    #[serde(default)]
    pub lifecycle_rules: Vec<LifecycleRule>,
    /// Raised by each change.
    #[serde(default)]
    pub revision: u64,
    /// Absent where the key may not read it.
    #[serde(default)]
    pub default_server_side_encryption: Value,
}

impl Bucket {
    /// A text of the owner's.
    pub fn info(&self, name: &str) -> Option<&str> {
        self.bucket_info.get(name).and_then(Value::as_str)
    }

    /// Whether new files are encrypted; none where the key may not know.
    pub fn encrypted(&self) -> Option<bool> {
        let encryption = &self.default_server_side_encryption;
        let readable = encryption.get("isClientAuthorizedToRead").and_then(Value::as_bool).unwrap_or(false);
        readable.then(|| encryption.pointer("/value/mode").is_some_and(Value::is_string))
    }
}

/// When versions of files are hidden and deleted, as the vendor writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LifecycleRule {
    /// Which files.
    pub file_name_prefix: String,
    /// Days.
    pub days_from_uploading_to_hiding: Option<u32>,
    /// Days.
    pub days_from_hiding_to_deleting: Option<u32>,
    /// Days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_from_starting_to_canceling_unfinished_large_files: Option<u32>,
}

/// The same, as the configuration writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycle {
    /// Which files.
    pub prefix: String,
    /// Days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_after_days: Option<u32>,
    /// Days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<u32>,
    /// Days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_unfinished_after_days: Option<u32>,
}

impl From<&LifecycleRule> for Lifecycle {
    fn from(rule: &LifecycleRule) -> Self {
        Self {
            prefix: rule.file_name_prefix.clone(),
            hide_after_days: rule.days_from_uploading_to_hiding,
            delete_after_days: rule.days_from_hiding_to_deleting,
            cancel_unfinished_after_days: rule.days_from_starting_to_canceling_unfinished_large_files,
        }
    }
}

impl From<&Lifecycle> for LifecycleRule {
    fn from(wanted: &Lifecycle) -> Self {
        Self {
            file_name_prefix: wanted.prefix.clone(),
            days_from_uploading_to_hiding: wanted.hide_after_days,
            days_from_hiding_to_deleting: wanted.delete_after_days,
            days_from_starting_to_canceling_unfinished_large_files: wanted.cancel_unfinished_after_days,
        }
    }
}

/// Which web pages may reach the bucket, as the vendor writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsRule {
    /// A name for people.
    pub cors_rule_name: String,
    /// Origins.
    pub allowed_origins: Vec<String>,
    /// `s3_get`, `b2_upload_file`, …
    pub allowed_operations: Vec<String>,
    /// Request headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_headers: Option<Vec<String>>,
    /// Reply headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose_headers: Option<Vec<String>>,
    /// How long a browser may keep the answer.
    pub max_age_seconds: u32,
}

/// The same, as the configuration writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// A name for people.
    pub name: String,
    /// Origins.
    pub origins: Vec<String>,
    /// `s3_get`, `b2_upload_file`, …
    pub operations: Vec<String>,
    /// Request headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Reply headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer.
    #[serde(default = "an_hour")]
    pub max_age_seconds: u32,
}

fn an_hour() -> u32 {
    3600
}

impl Cors {
    /// What the vendor would refuse about it; `others` are the rules before it.
    pub fn wrong(&self, others: &[Self]) -> Option<String> {
        let Self { name, origins, operations, headers, expose_headers, max_age_seconds } = self;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let lists = [origins, operations, headers, expose_headers];
        let bytes = name.len() + lists.into_iter().flatten().map(String::len).sum::<usize>();
        if !plain || !(6..=50).contains(&name.len()) || name.starts_with("b2-") {
            Some(format!("`{name}` is not 6 to 50 letters, digits and `-` without `b2-` in front"))
        } else if others.iter().any(|other| other.name == *name) {
            Some(format!("two rules are called `{name}`"))
        } else if origins.is_empty() || operations.is_empty() {
            Some("a rule needs an origin and an operation".to_owned())
        } else if bytes >= 1000 {
            Some("a rule's texts have fewer than 1000 bytes in all".to_owned())
        } else if *max_age_seconds > 86_400 {
            Some("an answer is kept for at most 86400 seconds".to_owned())
        } else {
            None
        }
    }
}

impl From<&CorsRule> for Cors {
    fn from(rule: &CorsRule) -> Self {
        Self {
            name: rule.cors_rule_name.clone(),
            origins: rule.allowed_origins.clone(),
            operations: rule.allowed_operations.clone(),
            headers: rule.allowed_headers.clone().unwrap_or_default(),
            expose_headers: rule.expose_headers.clone().unwrap_or_default(),
            max_age_seconds: rule.max_age_seconds,
        }
    }
}

impl From<&Cors> for CorsRule {
    fn from(wanted: &Cors) -> Self {
        let some = |items: &Vec<String>| (!items.is_empty()).then(|| items.clone());
        Self {
            cors_rule_name: wanted.name.clone(),
            allowed_origins: wanted.origins.clone(),
            allowed_operations: wanted.operations.clone(),
            allowed_headers: some(&wanted.headers),
            expose_headers: some(&wanted.expose_headers),
            max_age_seconds: wanted.max_age_seconds,
        }
    }
}

/// `{"buckets": …}`
#[derive(Clone, Debug, Deserialize)]
pub struct Buckets {
    /// The items; the list has no pages.
    pub buckets: Vec<Bucket>,
}

/// An application key, without its secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// Public.
    pub application_key_id: String,
    /// Not unique.
    pub key_name: String,
    /// `readFiles`, …
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Milliseconds since 1970.
    #[serde(default)]
    pub expiration_timestamp: Option<u64>,
    /// Null for a key of the whole account.
    #[serde(default)]
    pub bucket_ids: Option<Vec<String>>,
    /// Only files whose names begin so.
    #[serde(default)]
    pub name_prefix: Option<String>,
}

/// A page of keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// The items.
    pub keys: Vec<Key>,
    /// Where the next page begins.
    #[serde(default)]
    pub next_application_key_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Cors, CorsRule, Lifecycle, LifecycleRule, Session};
    use serde_json::json;

    #[test]
    fn the_region_is_in_the_s3_address() {
        let session =
            |url: &str| Session { account_id: String::new(), api_url: String::new(), s3_url: url.to_owned() };
        assert_eq!(session("https://s3.us-west-004.backblazeb2.com").region(), "us-west-004");
        assert_eq!(session("http://127.0.0.1:4000").region(), "");
    }

    #[test]
    fn rules_survive_the_way_to_the_vendor_and_back() {
        let lifecycle = Lifecycle { delete_after_days: Some(7), ..Lifecycle::default() };
        assert_eq!(Lifecycle::from(&LifecycleRule::from(&lifecycle)), lifecycle);
        let cors: Cors =
            serde_json::from_value(json!({"name": "browsers", "origins": ["https://app.example.com"],
            "operations": ["s3_put"], "headers": ["content-type"]}))
            .expect("a rule");
        assert_eq!(Cors::from(&CorsRule::from(&cors)), cors);
    }

    #[test]
    fn encryption_that_the_key_may_not_see_is_unknown() {
        let bucket = |encryption: serde_json::Value| -> Bucket {
            serde_json::from_value(json!({"bucketId": "1", "bucketName": "n", "newField": [1],
                "defaultServerSideEncryption": encryption}))
            .expect("a bucket")
        };
        assert_eq!(bucket(json!({"isClientAuthorizedToRead": false, "value": null})).encrypted(), None);
        let on =
            json!({"isClientAuthorizedToRead": true, "value": {"mode": "SSE-B2", "algorithm": "AES256"}});
        assert_eq!(bucket(on).encrypted(), Some(true));
        let off = json!({"isClientAuthorizedToRead": true, "value": {"mode": null, "algorithm": null}});
        assert_eq!(bucket(off).encrypted(), Some(false));
    }
}
