//! `record-set`: all records of one name and one type. Written with one batch
//! call; records that carry no mark of ours are left alone unless adopted.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, log, marks::Marks,
    schema::Field, set,
};
use serde::{Deserialize, Serialize};

use crate::{
    CloudflareDns,
    batch::{Batch, Delete, Settings, Wanted},
    record::{AUTOMATIC_TTL, Record, can_be_proxied, full_name, is_managed, normal_name, normal_value},
};

/// A comment holds 100 characters on the Free plan; both marks and their names fit with this.
pub(crate) const MARK_LIMIT: usize = 36;

/// All records of one name and one type.
pub struct RecordSet;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Domain name of the zone.
    pub zone: String,
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// One record each.
    pub values: Vec<String>,
    /// Whether the edge stands in front.
    pub proxied: bool,
    /// Seconds.
    pub ttl: u32,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            zone: String::new(),
            name: String::new(),
            record_type: String::new(),
            values: Vec::new(),
            proxied: false,
            ttl: AUTOMATIC_TTL,
        }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The zone.
    pub zone_id: String,
    /// The records.
    pub ids: Vec<String>,
    /// Records of other types at the same name that lead somewhere too: `AAAA 2001:db8::1`.
    pub others: Vec<String>,
}

/// Which set: also its id, as `zone/type/name`.
struct Key {
    zone: String,
    record_type: String,
    name: String,
}

impl Key {
    fn of(id: Option<&str>, desired: Option<&Desired>) -> Option<Self> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            let mut parts = id.splitn(3, '/').map(str::to_owned);
            return Some(Self { zone: parts.next()?, record_type: parts.next()?, name: parts.next()? });
        }
        let desired = desired?;
        let key = Self {
            zone: desired.zone.clone(),
            record_type: desired.record_type.clone(),
            name: desired.name.clone(),
        };
        (!key.zone.is_empty() && !key.record_type.is_empty() && !key.name.is_empty()).then_some(key)
    }

    fn id(&self) -> String {
        format!("{}/{}/{}", self.zone, self.record_type, self.name)
    }
}

impl Kind for RecordSet {
    type Plugin = CloudflareDns;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "record-set";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "All DNS records of one name and one type.")
            .field(
                Field::text("zone", "The zone's domain name.")
                    .required()
                    .immutable("a record set cannot move to another zone"),
            )
            .field(
                Field::text("name", "Full name; `@` stands for the zone itself.")
                    .required()
                    .immutable("records of another name are another record set"),
            )
            .field(
                Field::one_of(
                    "type",
                    &["A", "AAAA", "CNAME", "TXT", "MX", "NS", "PTR"],
                    "Type of the records.",
                )
                .required()
                .immutable("records of another type are another record set"),
            )
            .field(
                Field::texts("values", "One record for each value. An MX value is `priority host`.")
                    .required()
                    .unordered(),
            )
            .field(Field::flag(
                "proxied",
                "Whether Cloudflare's edge stands in front (A, AAAA and CNAME only).",
            ))
            .field(Field::number(
                "ttl",
                "Seconds, 60 to 86400; 1 lets Cloudflare choose and is the only value for proxied records.",
            ))
            .output(Field::text("zone_id", "The zone."))
            .output(Field::texts("ids", "The records."))
            .output(Field::texts(
                "others",
                "Records of other types at the name that lead somewhere: `TYPE value`.",
            ))
    }

    fn check(_plugin: &CloudflareDns, desired: &mut Desired, findings: &mut Findings) {
        desired.zone = normal_name(&desired.zone);
        desired.record_type = desired.record_type.trim().to_ascii_uppercase();
        if !findings.is_unknown("zone") && !findings.is_unknown("name") {
            match full_name(&desired.zone, &desired.name) {
                Ok(name) => desired.name = name,
                Err(why) => findings.error("cloudflare-dns::name-outside-zone", "/name", why),
            }
        }
        let known_type = !findings.is_unknown("type");
        let record_type = desired.record_type.as_str();
        if known_type && !is_managed(record_type) {
            findings.error(
                "cloudflare-dns::type",
                "/type",
                format!("records of type `{record_type}` are not managed by this plugin"),
            );
            return;
        }
        if known_type && !findings.is_unknown("values") {
            for (at, value) in desired.values.iter_mut().enumerate() {
                match normal_value(record_type, value) {
                    Ok(normal) => *value = normal,
                    Err(why) => findings.error("cloudflare-dns::value", &format!("/values/{at}"), why),
                }
            }
            desired.values = set::normal(std::mem::take(&mut desired.values));
            if desired.values.is_empty() {
                findings.error("cloudflare-dns::no-values", "/values", "a record set has at least one value");
            }
            if record_type == "CNAME" && desired.values.len() > 1 {
                findings.error("cloudflare-dns::cname-values", "/values", "a name has at most one CNAME");
            }
        }
        if known_type && desired.proxied && !can_be_proxied(record_type) {
            findings.error(
                "cloudflare-dns::not-proxiable",
                "/proxied",
                format!("only A, AAAA and CNAME can be proxied, not {record_type}"),
            );
        }
        if desired.proxied && desired.ttl != AUTOMATIC_TTL {
            findings.push(honey_sdk::Diagnostic::warning(
                "cloudflare-dns::ttl-of-proxied",
                "/ttl",
                "the TTL of proxied records is always chosen by Cloudflare (1)",
            ));
            desired.ttl = AUTOMATIC_TTL;
        }
        if desired.ttl != AUTOMATIC_TTL && !(60..=86_400).contains(&desired.ttl) {
            findings.error(
                "cloudflare-dns::ttl",
                "/ttl",
                format!("a TTL is 1 (automatic) or 60 to 86400 seconds, not {}", desired.ttl),
            );
        }
    }

    fn read(
        plugin: &CloudflareDns,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let Some(key) = Key::of(id, desired) else { return Ok(None) };
        let zone_id = plugin.api.zone_id(&key.zone)?;
        // One call either way: what else stands at the name decides whether this can stand there.
        let at_name = plugin.api.records_at(&zone_id, &key.name, None)?;
        if desired.is_some() {
            exclusive(&key, &at_name)?;
        }
        Ok(state(&key, zone_id, &at_name, desired, &Marks::of(ctx, MARK_LIMIT)))
    }

    fn create(
        plugin: &CloudflareDns,
        ctx: Context,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        ensure(plugin, ctx, desired, false)
    }

    fn update(
        plugin: &CloudflareDns,
        ctx: Context,
        _id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        ensure(plugin, ctx, desired, false)
    }

    fn adopt(
        plugin: &CloudflareDns,
        ctx: Context,
        _found: State<Self>,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        ensure(plugin, ctx, desired, true)
    }

    fn delete(
        plugin: &CloudflareDns,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        let key = Key::of(Some(id), None)
            .ok_or_else(|| Fault::internal(format!("`{id}` is not the id of a record set")))?;
        let zone_id = plugin.api.zone_id(&key.zone)?;
        let marks = Marks::of(ctx, MARK_LIMIT);
        repeat_when_unsure(|| {
            let mut batch = Batch::default();
            for record in plugin.api.records_at(&zone_id, &key.name, Some(&key.record_type))? {
                if ownership(&record, &marks) == Ownership::Ours {
                    batch.deletes.push(Delete { id: record.id });
                } else {
                    log::warn(&format!(
                        "{} {} `{}` is not ours and stays",
                        record.record_type, key.name, record.id
                    ));
                }
            }
            if batch.is_empty() {
                return Ok(());
            }
            plugin.api.batch(&zone_id, &batch).map(|_| ())
        })?;
        Ok(Outcome::Done(()))
    }
}

/// Makes the set what it shall be.
fn ensure(
    plugin: &CloudflareDns,
    ctx: Context,
    desired: &Desired,
    adopt: bool,
) -> Result<Outcome<State<RecordSet>>, Fault> {
    let key = Key::of(None, Some(desired)).ok_or_else(|| Fault::internal("a record set without a name"))?;
    let zone_id = plugin.api.zone_id(&key.zone)?;
    let marks = Marks::of(ctx, MARK_LIMIT);
    let comment = marks.comment();
    let mut beside = Vec::new();
    let written = repeat_when_unsure(|| {
        let mut found = plugin.api.records_at(&zone_id, &key.name, None)?;
        exclusive(&key, &found)?;
        beside = found.extract_if(.., |record| record.record_type != key.record_type).collect();
        if let Some(stranger) = found.iter().find(|record| !touchable(record, &marks, adopt)) {
            return Err(not_ours(&key.record_type, &key.name, stranger));
        }
        let mut batch = Batch::default();
        batch.reconcile(
            &found,
            &Wanted {
                name: &key.name,
                record_type: &key.record_type,
                values: &desired.values,
                settings: Some(Settings {
                    ttl: desired.ttl,
                    proxied: can_be_proxied(&key.record_type).then_some(desired.proxied),
                    comment: &comment,
                }),
            },
        );
        if batch.is_empty() {
            return Ok(found);
        }
        ctx.progress(&format!("{} {}: {} changes in one batch", key.record_type, key.name, batch.len()));
        Ok(plugin.api.batch(&zone_id, &batch)?.applied_to(found, &batch))
    })?;
    let written = match written {
        written if written.len() == desired.values.len() => written,
        // The reply did not tell every record.
        _ => plugin.api.records_at(&zone_id, &key.name, Some(&key.record_type))?,
    };
    let at_name: Vec<Record> = written.into_iter().chain(beside).collect();
    state(&key, zone_id, &at_name, Some(desired), &marks).map(Into::into).ok_or_else(|| {
        Fault::conflict(
            "cloudflare-dns::vanished",
            format!("{} was deleted right after it was written", key.id()),
        )
    })
}

/// A batch whose answer was lost, or that met a record made in between, is
/// decided by looking again: what is as wanted by then needs no second batch.
pub(crate) fn repeat_when_unsure<T, E: Unsure>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    match attempt() {
        Err(error) if error.is_unsure() => attempt(),
        result => result,
    }
}

/// An error after which nobody knows whether the change was made.
pub(crate) trait Unsure {
    fn is_unsure(&self) -> bool;
}

impl Unsure for Fault {
    fn is_unsure(&self) -> bool {
        self.is("transient")
            || self.is("timeout")
            || matches!(self.vendor_code(), "81044" | "81057" | "81058")
    }
}

/// A, AAAA and CNAME exclude each other at one name.
fn exclusive(key: &Key, at_name: &[Record]) -> Result<(), Fault> {
    let excludes = |other: &str| match key.record_type.as_str() {
        "CNAME" => matches!(other, "A" | "AAAA" | "NS"),
        "A" | "AAAA" => matches!(other, "CNAME" | "NS") && (other == "CNAME" || key.name != key.zone),
        _ => false,
    };
    let Some(other) = at_name.iter().find(|record| excludes(&record.record_type)) else { return Ok(()) };
    Err(Fault::conflict(
        "cloudflare-dns::name-taken",
        format!(
            "{} has a {} record to `{}`; it excludes {} records",
            key.name, other.record_type, other.content, key.record_type
        ),
    )
    .with_help(format!("delete the {} record, or choose another name", other.record_type)))
}

fn touchable(record: &Record, marks: &Marks, adopt: bool) -> bool {
    match ownership(record, marks) {
        Ownership::Ours => true,
        Ownership::Unmarked => adopt,
        Ownership::Foreign => false,
    }
}

pub(crate) fn not_ours(record_type: &str, name: &str, record: &Record) -> Fault {
    Fault::conflict(
        "cloudflare-dns::not-ours",
        format!("{record_type} {name} holds `{}`, which honey did not make", record.content),
    )
    .with_help("let the configuration adopt the record set, or delete the record")
}

pub(crate) fn ownership(record: &Record, marks: &Marks) -> Ownership {
    marks.ownership_in(record.comment.as_deref().unwrap_or_default())
}

/// The set as found. A field in which records differ reads as what is not
/// wanted, so that the difference shows.
fn state(
    key: &Key,
    zone_id: String,
    at_name: &[Record],
    desired: Option<&Desired>,
    marks: &Marks,
) -> Option<State<RecordSet>> {
    let found: Vec<&Record> = at_name.iter().filter(|record| record.record_type == key.record_type).collect();
    let first = *found.first()?;
    let leads = |record: &&Record| matches!(record.record_type.as_str(), "A" | "AAAA" | "HTTPS" | "SVCB");
    let mut others: Vec<String> = at_name
        .iter()
        .filter(|record| record.record_type != key.record_type)
        .filter(leads)
        .map(|record| format!("{} {}", record.record_type, record.value()))
        .collect();
    others.sort();
    let mut values: Vec<String> = found.iter().map(|record| record.value()).collect();
    values.sort();
    let differing = |same: fn(&Record, &Desired) -> bool| {
        desired
            .and_then(|desired| found.iter().copied().find(|record| !same(record, desired)))
            .unwrap_or(first)
    };
    let whose = |wanted: Ownership| found.iter().filter(|record| ownership(record, marks) == wanted).count();
    let ownership = if whose(Ownership::Foreign) > 0 {
        Ownership::Foreign
    } else if whose(Ownership::Ours) == found.len() {
        Ownership::Ours
    } else {
        Ownership::Unmarked
    };
    Some(State {
        id: key.id(),
        attributes: Desired {
            zone: key.zone.clone(),
            name: key.name.clone(),
            record_type: key.record_type.clone(),
            values,
            proxied: differing(|record, desired| record.proxied == desired.proxied).proxied,
            ttl: differing(|record, desired| record.ttl == desired.ttl).ttl,
        },
        outputs: Outputs { zone_id, ids: found.iter().map(|record| record.id.clone()).collect(), others },
        ownership,
    })
}
