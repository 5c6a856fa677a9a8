//! `bucket-key`: an application key for one bucket. The vendor tells its
//! secret once and has no place for marks; see the README for how a key whose
//! making was interrupted is found.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json, log, schema::Field,
    secrets,
};
use serde::{Deserialize, Serialize};

use crate::{B2, wire::Key};

const STORED: &str = "stored";
const LOST: &str = "lost";
const FIXED: &str = "B2 cannot change a key";

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

/// What is left behind for the time after a crash.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// Made, and its secret stored.
    key_id: Option<String>,
}

impl Kind for BucketKey {
    type Plugin = B2;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "bucket-key";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "An application key for one bucket. Its secret is told once by the vendor and stored by honey.",
        )
        .field(Field::text("name", "1 to 100 letters, digits and `-`.").required().immutable(FIXED))
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
            if !plain || !(1..=100).contains(&desired.name.len()) {
                findings.error(
                    "b2::key-name",
                    "/name",
                    format!("`{}` is not 1 to 100 letters, digits and `-`", desired.name),
                );
            }
            if RESERVED.contains(&secret_of(&desired.name).as_str()) {
                findings.error(
                    "b2::key-name",
                    "/name",
                    format!("`{}` is the name of a secret of the plugin itself", desired.name),
                );
            }
        }
        if !findings.is_unknown("capabilities") {
            desired.capabilities.sort();
            desired.capabilities.dedup();
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

    fn read(
        plugin: &B2,
        _ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = match (id, desired) {
            (Some(id), _) => plugin.api.key(id)?.map(|key| (key, Ownership::Ours)),
            (None, Some(desired)) if !desired.name.is_empty() => named(plugin, &desired.name)?,
            _ => None,
        };
        Ok(found.map(|(key, ownership)| state(key, desired, ownership)))
    }

    fn create(
        plugin: &B2,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let secret = secret_of(&desired.name);
        if let Some(progress) = resume {
            let progress: Progress = serde_json::from_value(progress).unwrap_or_default();
            if let Some(key) = progress.key_id.map(|id| plugin.api.key(&id)).transpose()?.flatten()
                && secrets::exists(&secret)
            {
                return Ok(state(key, Some(desired), Ownership::Ours).into());
            }
            delete_orphans(plugin, &desired.name)?;
        }
        // From here on every key of this name is one that we began to make.
        ctx.checkpoint("", &Progress::default());
        let wanted = body(desired);
        let key = match plugin.api.make_key(&wanted, &secret) {
            Err(fault) if fault.is("transient") || fault.is("timeout") => {
                delete_orphans(plugin, &desired.name)?;
                plugin.api.make_key(&wanted, &secret)?
            }
            result => result?,
        };
        ctx.checkpoint(&key.application_key_id, &Progress { key_id: Some(key.application_key_id.clone()) });
        Ok(state(key, Some(desired), Ownership::Ours).into())
    }

    fn delete(plugin: &B2, _ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        if let Some(key) = plugin.api.key(id)? {
            plugin.api.delete_key(id)?;
            secrets::forget(&secret_of(&key.key_name))?;
        }
        Ok(Outcome::Done(()))
    }
}

/// The key of this name. It is ours when its secret is, else nobody's.
fn named(plugin: &B2, name: &str) -> Result<Option<(Key, Ownership)>, Fault> {
    let mut keys = plugin.api.keys_named(name)?;
    if keys.len() > 1 {
        let ids: Vec<&str> = keys.iter().map(|key| key.application_key_id.as_str()).collect();
        return Err(Fault::conflict(
            "b2::ambiguous-name",
            format!("{} keys are called `{name}`: {}", keys.len(), ids.join(", ")),
        )
        .with_help("delete those that nobody uses, or choose another name"));
    }
    let ownership = if secrets::exists(&secret_of(name)) { Ownership::Ours } else { Ownership::Unmarked };
    Ok(keys.pop().map(|key| (key, ownership)))
}

/// Deletes keys that an interrupted call made: nobody knows their secrets.
fn delete_orphans(plugin: &B2, name: &str) -> Result<(), Fault> {
    for orphan in plugin.api.keys_named(name)? {
        log::info(&format!(
            "the key {} was made by an interrupted call; deleting it",
            orphan.application_key_id
        ));
        plugin.api.delete_key(&orphan.application_key_id)?;
    }
    Ok(())
}

fn body(desired: &Desired) -> Value {
    let mut body =
        json!({"keyName": desired.name, "capabilities": desired.capabilities, "bucketIds": [desired.bucket]});
    if !desired.prefix.is_empty() {
        body["namePrefix"] = json!(desired.prefix);
    }
    if let Some(days) = desired.valid_days {
        body["validDurationInSeconds"] = json!(days * 86_400);
    }
    body
}

fn state(key: Key, desired: Option<&Desired>, ownership: Ownership) -> State<BucketKey> {
    let secret = secret_of(&key.key_name);
    let mut capabilities = key.capabilities;
    capabilities.sort();
    State {
        id: key.application_key_id.clone(),
        attributes: Desired {
            name: key.key_name,
            // More than one bucket is never what honey made.
            bucket: key.bucket_ids.unwrap_or_default().join(","),
            capabilities,
            prefix: key.name_prefix.unwrap_or_default(),
            valid_days: desired.and_then(|desired| desired.valid_days),
            credential: if secrets::exists(&secret) { STORED } else { LOST }.to_owned(),
        },
        outputs: Outputs {
            key_id: key.application_key_id,
            secret: format!("b2.{secret}"),
            expires_at_ms: key.expiration_timestamp,
        },
        ownership,
    }
}

fn secret_of(name: &str) -> String {
    name.to_ascii_lowercase()
}
