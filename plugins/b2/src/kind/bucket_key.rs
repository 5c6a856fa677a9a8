//! `bucket-key`: an application key for one bucket. The vendor tells its secret
//! once, and has no place for marks but the end of the name.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json, marks,
    once::{self, Once},
    schema::Field,
    secrets::{self, STORED},
    set,
};
use serde::{Deserialize, Serialize};

use crate::{B2, wire::Key};

const FIXED: &str = "B2 cannot change a key";

/// The vendor allows 100 characters; our mark takes thirteen.
const MOST_NAME: usize = 87;

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
            if RESERVED.contains(&secret_of(&desired.name).as_str()) {
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

    fn read(
        plugin: &B2,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = match (id, desired) {
            (Some(id), _) => plugin.api.key(id)?.map(|key| (key, Ownership::Ours)),
            (None, Some(desired)) if !desired.name.is_empty() => named(plugin, ctx, &desired.name)?,
            _ => None,
        };
        Ok(found.map(|(key, ownership)| state(ctx, key, desired, ownership)))
    }

    fn create(
        plugin: &B2,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let making =
            Making { plugin, desired, name: marked(ctx, &desired.name), secret: secret_of(&desired.name) };
        let key = once::make(ctx, resume.as_ref(), &making)?;
        Ok(state(ctx, key, Some(desired), Ownership::Ours).into())
    }

    /// Nothing of a key can be changed. One with our marks whose secret honey does
    /// not hold was left by a call that was cut off: it is of no use to anybody.
    fn update(
        plugin: &B2,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if !secrets::exists(&secret_of(&desired.name)) {
            plugin.api.delete_key(id)?;
            return Self::create(plugin, ctx, desired, None);
        }
        let found = Self::read(plugin, ctx, Some(id), Some(desired))?;
        found.map(Into::into).ok_or_else(|| honey_sdk::gone(Self::NAME, id))
    }

    fn delete(plugin: &B2, ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        if let Some(key) = plugin.api.key(id)? {
            plugin.api.delete_key(id)?;
            secrets::forget(&secret_of(bare(ctx, &key.key_name)))?;
        }
        Ok(Outcome::Done(()))
    }
}

/// What the vendor calls our key: its name and our marks. Names are not unique
/// there, and nothing else of a key is ours to write.
fn marked(ctx: Context, name: &str) -> String {
    format!("{name}-{}", marks::suffix(ctx))
}

/// The name of a key without our marks.
fn bare<'a>(ctx: Context, name: &'a str) -> &'a str {
    name.strip_suffix(&marks::suffix(ctx)).and_then(|name| name.strip_suffix('-')).unwrap_or(name)
}

/// The key with our marks, else one of the plain name: that one is ours when
/// its secret is, else nobody's.
fn named(plugin: &B2, ctx: Context, name: &str) -> Result<Option<(Key, Ownership)>, Fault> {
    let marked = marked(ctx, name);
    let (ours, others): (Vec<Key>, Vec<Key>) =
        plugin.api.keys_named(&[&marked, name])?.into_iter().partition(|key| key.key_name == marked);
    let plain = if secrets::exists(&secret_of(name)) { Ownership::Ours } else { Ownership::Unmarked };
    let (mut keys, ownership) = if ours.is_empty() { (others, plain) } else { (ours, Ownership::Ours) };
    if keys.len() > 1 {
        let ids: Vec<&str> = keys.iter().map(|key| key.application_key_id.as_str()).collect();
        return Err(Fault::conflict(
            "b2::ambiguous-name",
            format!("{} keys are called `{name}`: {}", keys.len(), ids.join(", ")),
        )
        .with_help("delete those that nobody uses, or choose another name"));
    }
    Ok(keys.pop().map(|key| (key, ownership)))
}

struct Making<'a> {
    plugin: &'a B2,
    desired: &'a Desired,
    name: String,
    secret: String,
}

impl Once for Making<'_> {
    type Object = Key;

    fn secret(&self) -> &str {
        &self.secret
    }

    fn find(&self) -> Result<Vec<Key>, Fault> {
        self.plugin.api.keys_named(&[&self.name])
    }

    fn id(&self, key: &Key) -> String {
        key.application_key_id.clone()
    }

    fn make(&self) -> Result<Key, Fault> {
        self.plugin.api.make_key(&body(&self.name, self.desired), &self.secret)
    }

    fn delete(&self, key: &Key) -> Result<(), Fault> {
        self.plugin.api.delete_key(&key.application_key_id)
    }
}

fn body(name: &str, desired: &Desired) -> Value {
    let mut body =
        json!({"keyName": name, "capabilities": desired.capabilities, "bucketIds": [desired.bucket]});
    if !desired.prefix.is_empty() {
        body["namePrefix"] = json!(desired.prefix);
    }
    if let Some(days) = desired.valid_days {
        body["validDurationInSeconds"] = json!(days * 86_400);
    }
    body
}

fn state(ctx: Context, key: Key, desired: Option<&Desired>, ownership: Ownership) -> State<BucketKey> {
    let name = bare(ctx, &key.key_name);
    let secret = secret_of(name);
    State {
        id: key.application_key_id.clone(),
        attributes: Desired {
            name: name.to_owned(),
            // More than one bucket is never what honey made.
            bucket: key.bucket_ids.unwrap_or_default().join(","),
            capabilities: set::normal(key.capabilities),
            prefix: key.name_prefix.unwrap_or_default(),
            valid_days: desired.and_then(|desired| desired.valid_days),
            credential: secrets::credential(&secret),
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
