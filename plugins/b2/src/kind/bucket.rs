//! `bucket`: names are unique over all accounts; the bucket info carries our marks.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json,
    marks::{self, Marks},
    schema::Field,
};
use serde::{Deserialize, Serialize};

use crate::{
    B2,
    api::Lookup,
    wire::{self, Cors, CorsRule, Lifecycle, LifecycleRule, Session},
};

/// A value of the bucket info.
const MARK_LIMIT: usize = 120;
/// Of either sort.
const MOST_RULES: usize = 100;

/// A bucket.
pub struct Bucket;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Globally unique.
    pub name: String,
    /// Whether reading needs a key.
    pub private: bool,
    /// When versions of files are hidden and deleted.
    pub lifecycle: Option<Vec<Lifecycle>>,
    /// Which web pages may reach it.
    pub cors: Option<Vec<Cors>>,
    /// Server-side encryption.
    pub encrypted: Option<bool>,
}

impl Default for Desired {
    fn default() -> Self {
        Self { name: String::new(), private: true, lifecycle: None, cors: None, encrypted: None }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The vendor's id.
    pub id: String,
    /// For applications that speak S3.
    pub endpoint: String,
    /// For applications that speak S3.
    pub region: String,
}

impl Kind for Bucket {
    type Plugin = B2;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "bucket";

    fn schema() -> Schema {
        let days = |name| Field::number(name, "Days.");
        Schema::new(Self::NAME, "A bucket of Backblaze B2.")
            .field(
                Field::text("name", "Unique over all accounts; 6 to 63 of a-z, 0-9 and `-`.")
                    .required()
                    .immutable("B2 cannot rename a bucket"),
            )
            .field(Field::flag("private", "Whether reading needs a key."))
            .field(
                Field::objects(
                    "lifecycle",
                    vec![
                        Field::text("prefix", "Only files whose names begin so."),
                        days("hide_after_days"),
                        days("delete_after_days"),
                        days("cancel_unfinished_after_days"),
                    ],
                    "When versions of files are hidden and deleted.",
                )
                .unordered()
                .vendor_default(),
            )
            .field(
                Field::objects(
                    "cors",
                    vec![
                        Field::text("name", "For people: 6 to 50 letters, digits and `-`, one of its kind.")
                            .required(),
                        Field::texts("origins", "Who may.").required(),
                        Field::texts("operations", "What, e.g. s3_get, b2_upload_file.").required(),
                        Field::texts("headers", "Request headers."),
                        Field::texts("expose_headers", "Reply headers."),
                        Field::number(
                            "max_age_seconds",
                            "How long a browser may keep the answer, at most a day; an hour when not given.",
                        ),
                    ],
                    "Which web pages may reach the bucket.",
                )
                .vendor_default(),
            )
            .field(
                Field::flag("encrypted", "Server-side encryption with keys of Backblaze (SSE-B2).")
                    .vendor_default(),
            )
            .output(Field::text("id", "The vendor's id."))
            .output(Field::text("endpoint", "For applications that speak S3."))
            .output(Field::text("region", "For applications that speak S3."))
            .holds_data()
    }

    fn check(_plugin: &B2, desired: &mut Desired, findings: &mut Findings) {
        let cors = desired.cors.as_deref().unwrap_or_default();
        if !findings.is_unknown("name") {
            let name = &desired.name;
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !plain || !(6..=63).contains(&name.len()) {
                findings.error(
                    "b2::bucket-name",
                    "/name",
                    format!("`{name}` is not 6 to 63 of a-z, 0-9 and `-`"),
                );
            } else if name.starts_with("b2-") {
                findings.error(
                    "b2::bucket-name",
                    "/name",
                    "names that begin with `b2-` are reserved by Backblaze",
                );
            }
        }
        let most = [("lifecycle", desired.lifecycle.iter().flatten().count()), ("cors", cors.len())];
        for (field, _) in most.into_iter().filter(|(_, count)| *count > MOST_RULES) {
            let words = format!("a bucket has at most {MOST_RULES} rules");
            findings.error("b2::too-many-rules", &format!("/{field}"), words);
        }
        for (at, rule) in cors.iter().enumerate() {
            if let Some(words) = rule.wrong(&cors[..at]) {
                findings.error("b2::cors", &format!("/cors/{at}"), words);
            }
        }
        for (at, rule) in desired.lifecycle.iter().flatten().enumerate() {
            let days = [rule.hide_after_days, rule.delete_after_days, rule.cancel_unfinished_after_days];
            if days.iter().all(Option::is_none) || days.contains(&Some(0)) {
                findings.error(
                    "b2::lifecycle",
                    &format!("/lifecycle/{at}"),
                    "a rule has at least one number of days, from 1",
                );
            }
        }
    }

    fn read(
        plugin: &B2,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let lookup = match (id, desired) {
            (Some(id), _) => Lookup::Id(id),
            (None, Some(desired)) if !desired.name.is_empty() => Lookup::Name(&desired.name),
            _ => return Ok(None),
        };
        let Some(bucket) = plugin.api.bucket(lookup)? else { return Ok(None) };
        Ok(Some(state(&bucket, &plugin.api.session()?, ctx)))
    }

    fn create(
        plugin: &B2,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if resume.is_some() {
            // A crash came in between: the bucket may be there.
            if let Some(found) = plugin.api.bucket(Lookup::Name(&desired.name))? {
                return existing(plugin, ctx, &found, desired);
            }
        }
        let mut wanted = fields(desired);
        wanted["bucketName"] = json!(desired.name);
        wanted["bucketInfo"] = json!(with_marks(&serde_json::Map::new(), ctx));
        match plugin.api.make_bucket(&wanted) {
            Ok(bucket) => {
                ctx.checkpoint(&bucket.bucket_id, &json!({}));
                Ok(state(&bucket, &plugin.api.session()?, ctx).into())
            }
            // Ours by an answer that was lost, another's of this account, or a stranger's.
            Err(fault)
                if fault.vendor_code() == "duplicate_bucket_name"
                    || fault.is("transient")
                    || fault.is("timeout") =>
            {
                match plugin.api.bucket(Lookup::Name(&desired.name))? {
                    Some(found) => existing(plugin, ctx, &found, desired),
                    None if fault.is("conflict") => Err(Fault {
                        code: "b2::name-taken".to_owned(),
                        message: format!("a bucket called `{}` belongs to another account", desired.name),
                        ..fault
                    }
                    .with_help("names of buckets are unique over all accounts: choose another name")),
                    None => Err(fault),
                }
            }
            Err(fault) => Err(fault),
        }
    }

    fn update(
        plugin: &B2,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        match write(plugin, ctx, id, desired) {
            // Somebody changed the bucket between look and write.
            Err(fault) if fault.is("conflict") => write(plugin, ctx, id, desired),
            result => result,
        }
    }

    fn delete(plugin: &B2, _ctx: Context, id: &str, _resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        plugin.api.delete_bucket(id)?;
        Ok(Outcome::Done(()))
    }
}

/// A bucket that was there when it should be made.
fn existing(
    plugin: &B2,
    ctx: Context,
    found: &wire::Bucket,
    desired: &Desired,
) -> Result<Outcome<State<Bucket>>, Fault> {
    if Marks::of(ctx, MARK_LIMIT).ownership(found.info(marks::OWNER)) == Ownership::Ours {
        return Bucket::update(plugin, ctx, &found.bucket_id, desired, None);
    }
    Err(Fault::conflict(
        "b2::exists",
        format!("the account has a bucket called `{}` that honey did not make", desired.name),
    )
    .with_help(
        "choose another name; `adopt = true` takes over what stands under [shared] and the records of [dns]",
    ))
}

/// Looks, and writes what differs, unless the bucket changed in between.
fn write(plugin: &B2, ctx: Context, id: &str, desired: &Desired) -> Result<Outcome<State<Bucket>>, Fault> {
    let gone = || Fault::not_found("b2::gone", format!("the bucket `{id}` is gone"));
    let bucket = plugin.api.bucket(Lookup::Id(id))?.ok_or_else(gone)?;
    let session = plugin.api.session()?;
    let found = state(&bucket, &session, ctx);
    let info = with_marks(&bucket.bucket_info, ctx);
    let differs = found.attributes.private != desired.private
        || desired.lifecycle.is_some() && found.attributes.lifecycle != desired.lifecycle
        || desired.cors.is_some() && found.attributes.cors != desired.cors
        || desired.encrypted.is_some() && found.attributes.encrypted != desired.encrypted
        || info != bucket.bucket_info;
    if !differs {
        return Ok(found.into());
    }
    let mut change = fields(desired);
    change["bucketId"] = json!(id);
    change["bucketInfo"] = json!(info);
    change["ifRevisionIs"] = json!(bucket.revision);
    let bucket = plugin.api.update_bucket(&change)?;
    Ok(state(&bucket, &session, ctx).into())
}

/// What create and update share.
fn fields(desired: &Desired) -> Value {
    let mut fields = json!({"bucketType": if desired.private { "allPrivate" } else { "allPublic" }});
    if let Some(rules) = &desired.lifecycle {
        fields["lifecycleRules"] = json!(rules.iter().map(LifecycleRule::from).collect::<Vec<_>>());
    }
    if let Some(rules) = &desired.cors {
        fields["corsRules"] = json!(rules.iter().map(CorsRule::from).collect::<Vec<_>>());
    }
    match desired.encrypted {
        Some(true) => {
            fields["defaultServerSideEncryption"] = json!({"mode": "SSE-B2", "algorithm": "AES256"});
        }
        Some(false) => fields["defaultServerSideEncryption"] = json!({"mode": null}),
        None => {}
    }
    fields
}

/// The bucket info with our marks; what else is in it stays.
fn with_marks(info: &serde_json::Map<String, Value>, ctx: Context) -> serde_json::Map<String, Value> {
    let marks = Marks::of(ctx, MARK_LIMIT);
    let mut info = info.clone();
    info.insert(marks::OWNER.to_owned(), json!(marks.owner));
    info.insert(marks::ADDRESS.to_owned(), json!(marks.address));
    info
}

fn state(bucket: &wire::Bucket, session: &Session, ctx: Context) -> State<Bucket> {
    State {
        id: bucket.bucket_id.clone(),
        attributes: Desired {
            name: bucket.bucket_name.clone(),
            private: bucket.bucket_type == "allPrivate",
            lifecycle: Some(bucket.lifecycle_rules.iter().map(Lifecycle::from).collect()),
            cors: Some(bucket.cors_rules.iter().map(Cors::from).collect()),
            encrypted: bucket.encrypted(),
        },
        outputs: Outputs {
            id: bucket.bucket_id.clone(),
            endpoint: session.s3_url.clone(),
            region: session.region(),
        },
        ownership: Marks::of(ctx, MARK_LIMIT).ownership(bucket.info(marks::OWNER)),
    }
}
