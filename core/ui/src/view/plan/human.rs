//! A plan for people: the instance and its role, waves, what happens to what
//! and why, and at the end the counts.

use std::{cell::Cell, collections::BTreeMap, fmt::Write as _};

use honey_model::text::visible;
use honey_plan::{Action, Operation, Plan, Purpose};

use super::{
    Detail, Estimate, HONEY, counts, created,
    fold::{self, Item, is_stack, keeps_data},
    rows,
    secret::object_kind,
    value::Room,
    word,
};
use crate::{
    Role, Theme,
    view::{counted, wrapped},
};

/// Where fields begin.
const INDENT: &str = "             ";
/// Names of a fold that are listed without `--full`.
const NAMES: usize = 24;

/// The whole plan.
pub fn human(plan: &Plan, estimate: &Estimate, detail: Detail, theme: &Theme) -> String {
    let width = theme.width.saturating_sub(INDENT.len()).max(27);
    let room = Room { width, full: detail.all_fields, cut: Cell::new(false) };
    let mut text = String::with_capacity(plan.operations.len().min(10_000) * 96);
    let verb = match plan.purpose {
        Purpose::Apply => "Plan for",
        Purpose::Destroy => "Plan to destroy",
    };
    let heading = format!("{verb} {}", estimate.role(plan).beside(&plan.instance));
    let _ = writeln!(text, "{}", theme.paint(Role::Strong, &heading));
    let view = View { room: &room, theme };
    let mut folded = false;
    if plan.is_empty() {
        let _ = writeln!(text, "\n{}", nothing(plan));
    } else {
        let mut order: Vec<&Operation> = plan.operations.iter().collect();
        order.sort_by_key(|operation| operation.wave);
        let body = |operation: &Operation| view.body(operation, true).join("\n");
        let mut waves = None;
        for item in fold::items(&order, detail.all_fields, &body) {
            if waves != Some(item.waves) {
                waves = Some(item.waves);
                let heading = match item.waves {
                    (first, last) if first == last => format!("wave {}", first + 1),
                    (first, last) => format!("waves {} to {}", first + 1, last + 1),
                };
                let _ = writeln!(text, "\n{}", theme.paint(Role::Dim, &heading));
            }
            match item.operations.as_slice() {
                [operation] => view.one(&mut text, operation),
                _ => {
                    folded = true;
                    view.many(&mut text, &item);
                }
            }
        }
        let _ = writeln!(text, "\n{}", painted_summary(plan, theme));
        unseen(&mut text, plan);
    }
    if detail.unchanged {
        for address in &plan.unchanged {
            let _ = writeln!(text, "  {}", theme.paint(Role::Dim, &format!("= up to date {address}")));
        }
    }
    if folded || room.cut.get() {
        let _ =
            writeln!(text, "{}", theme.paint(Role::Dim, "shortened; `--full` shows every object and field"));
    }
    for price in &estimate.prices {
        let _ = writeln!(text, "price: {}", visible(price, 1000));
    }
    if let Some(calls) = estimate.vendor_calls {
        let _ = writeln!(text, "vendor calls: at least {calls}");
    }
    text
}

/// `3 to create, 1 to update; 12 unchanged`.
pub fn summary(plan: &Plan) -> String {
    painted_summary(plan, &Theme::plain())
}

fn painted_summary(plan: &Plan, theme: &Theme) -> String {
    if plan.is_empty() {
        return nothing(plan);
    }
    let part = |(action, count): &(Action, usize)| {
        let role = match action {
            Action::Replace | Action::Delete => Role::Remove,
            _ => Role::Strong,
        };
        theme.paint(role, &format!("{count} to {}", word(*action)))
    };
    let parts: Vec<String> = counts(plan).iter().filter(|(_, count)| *count > 0).map(part).collect();
    format!("{}; {} unchanged", parts.join(", "), plan.unchanged.len())
}

fn nothing(plan: &Plan) -> String {
    match (plan.purpose, plan.unchanged.len()) {
        (Purpose::Destroy, _) => "No changes: nothing of it is left to delete.".to_owned(),
        (Purpose::Apply, 0) => "No changes: there is nothing to manage.".to_owned(),
        (Purpose::Apply, 1) => "No changes: 1 resource is up to date.".to_owned(),
        (Purpose::Apply, count) => format!("No changes: {count} resources are up to date."),
    }
}

/// What could not be compared, counted once.
fn unseen(text: &mut String, plan: &Plan) {
    let count = plan.operations.iter().filter(|operation| operation.is_unseen()).count();
    let _ = match count {
        0 => Ok(()),
        1 => {
            writeln!(text, "1 depends on resources that do not exist yet; it is checked during apply")
        }
        count => {
            writeln!(text, "{count} depend on resources that do not exist yet; they are checked during apply")
        }
    };
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

/// Whether something is lost by it.
fn destroys(operation: &Operation) -> bool {
    match operation.action {
        Action::Replace | Action::Delete => true,
        Action::Forget => keeps_data(operation),
        Action::Create | Action::Adopt | Action::Update => false,
    }
}

struct View<'a> {
    room: &'a Room,
    theme: &'a Theme,
}

impl View<'_> {
    fn head(&self, action: Action, rest: &str) -> String {
        let (symbol, role) = symbol(action);
        format!("  {} {rest}", self.theme.paint(role, &format!("{symbol} {:<8}", word(action))))
    }

    /// One operation by itself.
    fn one(&self, text: &mut String, operation: &Operation) {
        let loses = destroys(operation);
        let address = operation.address.as_str();
        let shown = if loses { self.theme.paint(Role::Remove, address) } else { address.to_owned() };
        let mut head = self.head(operation.action, &shown);
        let mut taken = INDENT.len() + address.chars().count();
        if operation.driver != HONEY {
            let driver = format!("({})", visible(&operation.driver, 60));
            taken += driver.chars().count() + 2;
            head = format!("{head}  {}", self.theme.paint(Role::Dim, &driver));
        }
        let body = self.body(operation, false);
        // One short change stands beside its object.
        match body.as_slice() {
            [line]
                if operation.action == Action::Update
                    && taken + 2 + visible_width(line) <= self.theme.width =>
            {
                let _ = writeln!(text, "{head}  {line}");
            }
            lines => {
                let _ = writeln!(text, "{head}");
                for line in lines {
                    let _ = writeln!(text, "{INDENT}{line}");
                }
            }
        }
    }

    /// What is shown below an operation. For `any` object of its kind, its own id is left out.
    fn body(&self, operation: &Operation, any: bool) -> Vec<String> {
        let role = if destroys(operation) { Role::Remove } else { Role::Dim };
        let mut lines = Vec::new();
        for reason in self.reasons(operation) {
            let reason = match operation.id.as_deref().filter(|id| any && !id.is_empty()) {
                Some(id) => reason.replace(id, "it"),
                None => reason.to_owned(),
            };
            let role = if reason.contains("data is lost") { role } else { Role::Dim };
            let lines_of = wrapped(&visible(&reason, 4000), " ", self.room.width);
            lines.extend(lines_of.iter().map(|line| self.theme.paint(role, line)));
        }
        if operation.action == Action::Create && !self.room.full {
            let parts = created::parts(operation, self.room);
            lines.extend(wrapped(&parts.join(", "), ", ", self.room.width));
        } else {
            lines.extend(rows::lines(operation, self.room, self.theme));
        }
        lines
    }

    /// Reasons that say more than the action and the fields below do.
    fn reasons<'a>(&self, operation: &'a Operation) -> Vec<&'a str> {
        if self.room.full {
            return operation.reasons.iter().map(String::as_str).collect();
        }
        let repeats = |reason: &&str| {
            // The heading says it already.
            (operation.action == Action::Delete && reason.ends_with(" is destroyed"))
                || !operation.changes.is_empty()
                    && (reason.ends_with(" differ")
                        || reason.ends_with(" differs")
                        || reason.contains(" is known after "))
        };
        operation.telling_reasons().filter(|reason| !repeats(reason)).collect()
    }

    /// Like ones together.
    fn many(&self, text: &mut String, item: &Item<'_>) {
        let [first, ..] = item.operations.as_slice() else { return };
        let count = item.operations.len();
        let width = self.room.width;
        let mut lines: Vec<String> = Vec::new();
        let what = if is_stack(first) {
            let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
            for operation in &item.operations {
                *kinds.entry(object_kind(operation).unwrap_or_default()).or_default() += 1;
            }
            let mut kinds: Vec<(&str, usize)> = kinds.into_iter().collect();
            kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let parts: Vec<String> =
                kinds.iter().map(|(kind, count)| counted(*count, &visible(kind, 80))).collect();
            lines.extend(wrapped(&parts.join(", "), ", ", width));
            format!("{count} objects of the stack")
        } else {
            let of = |operation: &&Operation| {
                let kind = format!("{}/{}/", operation.address.scope(), operation.kind);
                let address = operation.address.as_str();
                address
                    .strip_prefix(&kind)
                    .or(address.split_once('/').map(|(_, rest)| rest))
                    .unwrap_or(address)
                    .to_owned()
            };
            let mut names: Vec<String> = item.operations.iter().take(NAMES).map(of).collect();
            if count > NAMES {
                names.push(format!("… {} more", count - NAMES));
            }
            lines.extend(wrapped(&names.join(", "), ", ", width));
            let driver = match first.driver == HONEY {
                true => String::new(),
                false => {
                    format!("  {}", self.theme.paint(Role::Dim, &format!("({})", visible(&first.driver, 60))))
                }
            };
            format!("{} of {}{driver}", counted(count, &visible(&first.kind, 80)), first.address.scope())
        };
        match first.action {
            Action::Create => {
                let mut common = created::parts(first, self.room);
                for operation in item.operations.iter().skip(1) {
                    let other = created::parts(operation, self.room);
                    common.retain(|part| other.contains(part));
                    if common.is_empty() {
                        break;
                    }
                }
                lines.extend(wrapped(&common.join(", "), ", ", width));
            }
            _ => lines.extend(self.body(first, true)),
        }
        let _ = writeln!(text, "{}", self.head(first.action, &what));
        for line in lines {
            let _ = writeln!(text, "{INDENT}{line}");
        }
    }
}

/// Columns of a line, escapes left out.
fn visible_width(line: &str) -> usize {
    let mut escape = false;
    line.chars()
        .filter(|c| {
            let counts = !escape && *c != '\u{1b}';
            escape = (escape || *c == '\u{1b}') && *c != 'm';
            counts
        })
        .count()
}
