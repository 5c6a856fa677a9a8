//! `bucket-key`: an application key for one bucket. The vendor tells its secret
//! once, and has no place for marks but the end of the name.

use honey_sdk::{
    Fault, Findings, Schema, json,
    once::Once,
    schema::Field,
    secrets::{self, STORED},
    set, signature,
};
use serde::{Deserialize, Serialize};

use crate::{B2, wire::Key};

const FIXED: &str = "B2 cannot change a key";

/// What the vendor allows, without our marks.
const MOST_NAME: usize = 100 - signature::LENGTH;

/// Secrets of the manifest: a key of such a name could not be stored.
const RESERVED: [&str; 2] = ["key-id", "application-key"];

/// An application key for one bucket.
pub struct BucketKey;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Not unique at the vendor.
    pub name: String,
    /// Id of the bucket.
    pub bucket: String,
    /// What it may do.
    pub capabilities: Vec<String>,
    /// Only files whose names begin so.
    pub prefix: String,
    /// Days until it expires.
    pub valid_days: Option<u32>,
    /// Whether honey holds its secret.
    pub credential: String,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            name: String::new(),
            bucket: String::new(),
            capabilities: Vec::new(),
            prefix: String::new(),
            valid_days: None,
            credential: STORED.to_owned(),
        }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// Public half.
    pub key_id: String,
    /// Name of the secret half.
    pub secret: String,
    /// Milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
}

impl Once for BucketKey {
    type Plugin = B2;
    type Desired = Desired;
    type Outputs = Outputs;
    type Object = Key;

    const NAME: &'static str = "bucket-key";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "An application key for one bucket. Its secret is told once by the vendor and stored by honey.",
        )
        .field(
            Field::text("name", "1 to 87 letters, digits and `-`; at the vendor honey's mark follows.")
                .required()
                .immutable(FIXED),
        )
        .field(Field::text("bucket", "Id of the bucket that it opens.").required().immutable(FIXED))
        .field(
            Field::texts(
                "capabilities",
                "What it may do, e.g. listFiles, readFiles, writeFiles, deleteFiles.",
            )
            .required()
            .unordered()
            .immutable(FIXED),
        )
        .field(Field::text("prefix", "Only files whose names begin so.").immutable(FIXED))
        .field(
            Field::number(
                "valid_days",
                "Days until it expires, fewer than 1000; never where nothing is said.",
            )
            .create_only(),
        )
        .field(
            Field::one_of("credential", &[STORED], "`stored` where honey holds the key's secret.")
                .immutable("the vendor tells the secret of a key only once, and honey does not hold it"),
        )
        .output(Field::text("key_id", "Public half."))
        .output(Field::text("secret", "Name of the secret half."))
        .optional_output(Field::number("expires_at_ms", "Milliseconds since 1970."))
    }

    fn check(_plugin: &B2, desired: &mut Desired, findings: &mut Findings) {
        if !findings.is_unknown("name") {
            let plain = desired.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if !plain || !(1..=MOST_NAME).contains(&desired.name.len()) {
                findings.error(
                    "b2::key-name",
                    "/name",
                    format!("`{}` is not 1 to {MOST_NAME} letters, digits and `-`", desired.name),
                );
            }
            if RESERVED.contains(&Self::secret(&desired.name).as_str()) {
                findings.error(
                    "b2::key-name",
                    "/name",
                    format!("`{}` is the name of a secret of the plugin itself", desired.name),
                );
            }
        }
        if !findings.is_unknown("capabilities") {
            desired.capabilities = set::normal(std::mem::take(&mut desired.capabilities));
            if desired.capabilities.is_empty() {
                findings.error(
                    "b2::no-capabilities",
                    "/capabilities",
                    "a key that may do nothing is of no use",
                );
            }
            let beyond =
                ["listKeys", "writeKeys", "deleteKeys", "writeBuckets", "deleteBuckets", "bypassGovernance"];
            for capability in
                desired.capabilities.iter().filter(|capability| beyond.contains(&capability.as_str()))
            {
                findings.push(honey_sdk::Diagnostic::warning(
                    "b2::broad-key",
                    "/capabilities",
                    format!(
                        "`{capability}` reaches beyond the files of a bucket; an application rarely needs it"
                    ),
                ));
            }
        }
        if desired.valid_days.is_some_and(|days| !(1..1000).contains(&days)) {
            findings.error("b2::valid-days", "/valid_days", "a key is valid for 1 to 999 days");
        }
    }

    fn wanted(desired: &Desired) -> &str {
        &desired.name
    }

    fn secret(name: &str) -> String {
        name.to_ascii_lowercase()
    }

    fn list(plugin: &B2, _desired: &Desired) -> Result<Vec<Key>, Fault> {
        plugin.api.keys()
    }

    fn get(plugin: &B2, id: &str) -> Result<Option<Key>, Fault> {
        plugin.api.key(id)
    }

    fn id(key: &Key) -> String {
        key.application_key_id.clone()
    }

    fn name(key: &Key) -> &str {
        &key.key_name
    }

    fn make(plugin: &B2, desired: &Desired, name: &str, secret: &str) -> Result<Key, Fault> {
        let mut body =
            json!({"keyName": name, "capabilities": desired.capabilities, "bucketIds": [desired.bucket]});
        if !desired.prefix.is_empty() {
            body["namePrefix"] = json!(desired.prefix);
        }
        if let Some(days) = desired.valid_days {
            body["validDurationInSeconds"] = json!(days * 86_400);
        }
        plugin.api.make_key(&body, secret)
    }

    fn delete(plugin: &B2, id: &str) -> Result<(), Fault> {
        plugin.api.delete_key(id)
    }

    fn told(key: &Key, name: &str, desired: Option<&Desired>) -> (Desired, Outputs) {
        let secret = Self::secret(name);
        let attributes = Desired {
            name: name.to_owned(),
            // More than one bucket is never what honey made.
            bucket: key.bucket_ids.as_deref().unwrap_or_default().join(","),
            capabilities: set::normal(key.capabilities.clone()),
            prefix: key.name_prefix.clone().unwrap_or_default(),
            valid_days: desired.and_then(|desired| desired.valid_days),
            credential: secrets::credential(&secret),
        };
        let outputs = Outputs {
            key_id: key.application_key_id.clone(),
            secret: format!("b2.{secret}"),
            expires_at_ms: key.expiration_timestamp,
        };
        (attributes, outputs)
    }
}
