//! A plan for people: waves, symbols with words, field diffs, one summary line.

use std::fmt::Write as _;

use honey_model::text::visible;
use honey_plan::{Action, FieldChange, MASK, Operation, Plan, Purpose};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{Detail, Estimate, HONEY, counts, created, word};
use crate::{Role, Theme};

/// Where fields begin.
const INDENT: &str = "             ";

/// The whole plan.
pub fn human(plan: &Plan, estimate: &Estimate, detail: Detail, theme: &Theme) -> String {
    let mut text = String::with_capacity(plan.operations.len() * 96);
    let verb = match plan.purpose {
        Purpose::Apply => "Plan for",
        Purpose::Destroy => "Plan to destroy",
    };
    if plan.is_empty() {
        let instance = visible(&plan.instance, 60);
        let _ = writeln!(text, "{instance}: nothing to do, {} as wanted", is_or_are(plan.unchanged.len()));
    } else {
        let _ = writeln!(
            text,
            "{}",
            theme.paint(Role::Strong, &format!("{verb} {}", visible(&plan.instance, 60)))
        );
        let mut order: Vec<&Operation> = plan.operations.iter().collect();
        order.sort_by_key(|operation| operation.wave);
        let mut wave = None;
        for operation in order {
            if wave != Some(operation.wave) {
                wave = Some(operation.wave);
                let _ =
                    writeln!(text, "\n{}", theme.paint(Role::Dim, &format!("wave {}", operation.wave + 1)));
            }
            show_operation(&mut text, operation, detail, theme);
        }
        let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, &summary(plan)));
        let unseen = plan.operations.iter().filter(|operation| operation.is_unseen()).count();
        if unseen > 0 && !detail.all_fields {
            let _ = writeln!(
                text,
                "{unseen} of them could not be looked at: what they stand on is not there yet"
            );
        }
    }
    if detail.unchanged {
        for address in &plan.unchanged {
            let _ = writeln!(text, "  {}", theme.paint(Role::Dim, &format!("= as wanted {address}")));
        }
    }
    for price in &estimate.prices {
        let _ = writeln!(text, "price: {}", visible(price, 200));
    }
    if let Some(calls) = estimate.vendor_calls {
        let _ = writeln!(text, "vendor calls: at least {calls}");
    }
    text
}

/// `3 to create, 1 to update; 12 unchanged`.
pub fn summary(plan: &Plan) -> String {
    let parts: Vec<String> = counts(plan)
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(action, count)| format!("{count} to {}", word(*action)))
        .collect();
    match parts.is_empty() {
        true => format!("nothing to do; {} unchanged", plan.unchanged.len()),
        false => format!("{}; {} unchanged", parts.join(", "), plan.unchanged.len()),
    }
}

fn is_or_are(count: usize) -> String {
    match count {
        1 => "1 thing is".to_owned(),
        count => format!("{count} things are"),
    }
}

fn symbol(action: Action) -> (&'static str, Role) {
    match action {
        Action::Create => ("+", Role::Add),
        Action::Adopt => (">", Role::Add),
        Action::Update => ("~", Role::Change),
        Action::Replace => ("±", Role::Remove),
        Action::Delete => ("-", Role::Remove),
        Action::Forget => ("x", Role::Dim),
    }
}

fn show_operation(text: &mut String, operation: &Operation, detail: Detail, theme: &Theme) {
    let (symbol, role) = symbol(operation.action);
    let action = theme.paint(role, &format!("{symbol} {:<8}", word(operation.action)));
    let _ = write!(text, "  {action} {}", operation.address);
    if operation.driver != HONEY {
        let _ =
            write!(text, "  {}", theme.paint(Role::Dim, &format!("({})", visible(&operation.driver, 60))));
    }
    text.push('\n');
    let reasons: Vec<&str> = match detail.all_fields {
        true => operation.reasons.iter().map(String::as_str).collect(),
        false => operation.telling_reasons().collect(),
    };
    for reason in reasons {
        let _ = writeln!(text, "{INDENT}{}", theme.paint(Role::Dim, &visible(reason, 300)));
    }
    if operation.action == Action::Create && !detail.all_fields {
        if let Some(line) = created::line(operation) {
            let room = theme.width.saturating_sub(INDENT.len()).max(30);
            let _ = writeln!(text, "{INDENT}{}", Theme::cut(&line, room));
        }
    } else {
        for change in &operation.changes {
            show_change(text, change, theme);
        }
    }
}

fn show_change(text: &mut String, change: &FieldChange, theme: &Theme) {
    let name = field(&change.path);
    if let (Some(Value::String(before)), Some(Value::String(after))) = (&change.before, &change.after)
        && (before.contains('\n') || after.contains('\n'))
    {
        let _ = writeln!(text, "{INDENT}{name}:");
        show_lines(text, before, after, theme);
    } else {
        let room = (theme.width.saturating_sub(INDENT.len() + name.len() + 6) / 2).max(20);
        let after = match (&change.known_after, &change.after) {
            (Some(address), _) => format!("known after {address}"),
            (None, Some(after)) => value_text(after, room),
            (None, None) => "(removed)".to_owned(),
        };
        let _ = match &change.before {
            Some(before) => writeln!(text, "{INDENT}{name}: {} → {after}", value_text(before, room)),
            None => writeln!(text, "{INDENT}{name}: {after}"),
        };
    }
    if let Some(why) = &change.replaces {
        let why = format!("needs a new one: {}", visible(why, 300));
        let _ = writeln!(text, "{INDENT}  {}", theme.paint(Role::Remove, &why));
    }
}

/// Changed lines with one line around them.
fn show_lines(text: &mut String, before: &str, after: &str, theme: &Theme) {
    let diff = TextDiff::from_lines(before, after);
    let mut left = 60;
    for group in diff.grouped_ops(1) {
        for operation in group {
            for change in diff.iter_changes(&operation) {
                if left == 0 {
                    let _ = writeln!(text, "{INDENT}  … (cut)");
                    return;
                }
                left -= 1;
                let (sign, role) = match change.tag() {
                    ChangeTag::Insert => ("+", Role::Add),
                    ChangeTag::Delete => ("-", Role::Remove),
                    ChangeTag::Equal => (" ", Role::Dim),
                };
                let line = visible(change.value().trim_end_matches('\n'), 200);
                let _ = writeln!(text, "{INDENT}  {}", theme.paint(role, &format!("{sign} {line}")));
            }
        }
    }
}

/// `/spec/replicas` as `spec.replicas`.
pub(super) fn field(pointer: &str) -> String {
    let name = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
    match name.is_empty() {
        true => "(all)".to_owned(),
        false => visible(&name, 120),
    }
}

/// A value in one line; references and secrets by what they stand for.
pub(super) fn value_text(value: &Value, limit: usize) -> String {
    if value.as_str() == Some(MASK) {
        return MASK.to_owned();
    }
    if let Some(name) = honey_model::value::as_secret(value) {
        return format!("(secret {})", visible(name, 80));
    }
    if let Some(reference) = honey_model::value::as_reference(value) {
        return format!("(from {}{})", reference.address, visible(&reference.pointer, 80));
    }
    Theme::cut(&visible(&value.to_string(), limit.max(20) * 4), limit.max(20))
}
