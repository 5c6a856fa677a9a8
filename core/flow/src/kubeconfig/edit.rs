//! Edits of a kubeconfig's text: what is not touched stays as it was written,
//! byte for byte.

use std::ops::Range;

use honey_yaml::{Kind, NodeId, Tree, single};
use serde_json::{Value, json};

use super::LISTS;

/// The text with the access in it; `None` where editing does not come to what is wanted.
pub(super) fn edited(existing: &str, access: &Value, before: &Value, after: &Value) -> Option<String> {
    let mut text = existing.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let written = match single(&text).ok()? {
        None => text.clone() + &honey_yaml::text(after, 0),
        Some(tree) => Editor { text: &text, tree: &tree, edits: Vec::new() }.run(access, before, after)?,
    };
    let read = single(&written).ok()??;
    (read.value(read.root()).ok()? == *after).then_some(written)
}

struct Editor<'a> {
    text: &'a str,
    tree: &'a Tree<'a>,
    /// Disjoint; those at one place in the order in which they come.
    edits: Vec<(Range<usize>, String)>,
}

impl Editor<'_> {
    fn run(mut self, access: &Value, before: &Value, after: &Value) -> Option<String> {
        let root = self.tree.root();
        if !matches!(self.tree.node(root).kind, Kind::Mapping { flow: false, .. }) {
            return None;
        }
        let mut missing = json!({});
        for key in ["apiVersion", "kind"] {
            if before.get(key).is_none() {
                missing[key] = after[key].clone();
            }
        }
        for (list, _) in LISTS {
            let entry = access.pointer(&format!("/{list}/0"))?;
            match self.tree.pair(root, list) {
                None => missing[list] = json!([entry]),
                Some((key, value)) => self.list(key, value, entry)?,
            }
        }
        let current = &after["current-context"];
        if before.get("current-context") != Some(current) {
            match self.tree.pair(root, "current-context") {
                None => missing["current-context"] = current.clone(),
                Some((key, value)) => self.value(key, value, format!(" {}", honey_yaml::line(current)))?,
            }
        }
        if missing != json!({}) {
            let column = self.column(self.tree.node(root).start);
            let at = self.next_line(self.tree.end(root));
            self.edits.push((at..at, " ".repeat(column) + &honey_yaml::text(&missing, column)));
        }
        Some(self.apply())
    }

    /// Puts an entry into a list, in the place of the one of its name or at the end.
    fn list(&mut self, key: NodeId, list: NodeId, entry: &Value) -> Option<()> {
        let node = self.tree.node(list);
        match &node.kind {
            Kind::Sequence { items, flow } if !items.is_empty() => {
                let mut known = None;
                for item in items {
                    let value = self.tree.value(*item).ok()?;
                    if value["name"] == entry["name"] {
                        known = Some((*item, value == *entry));
                    }
                }
                match (known, flow) {
                    (Some((_, true)), _) => {}
                    (Some((item, false)), true) => self.replace(item, honey_yaml::flow(entry)),
                    (Some((item, false)), false) => {
                        let column = self.column(self.tree.node(item).start);
                        let written = honey_yaml::text(entry, column);
                        self.replace(item, written.trim_end_matches('\n').to_owned());
                    }
                    (None, true) => {
                        let at = self.tree.end(*items.last()?);
                        self.edits.push((at..at, format!(", {}", honey_yaml::flow(entry))));
                    }
                    (None, false) => {
                        let column = self.column(node.start);
                        let at = self.next_line(self.tree.end(list));
                        let item = format!("{}- {}", " ".repeat(column), honey_yaml::text(entry, column + 2));
                        self.edits.push((at..at, item));
                    }
                }
                Some(())
            }
            Kind::Alias { .. } => None,
            // Empty or null: what stands behind the colon is replaced.
            _ => {
                let column = self.column(self.tree.node(key).start);
                let items = honey_yaml::text(&json!([entry]), column);
                self.value(key, list, format!("\n{}{}", " ".repeat(column), items.trim_end_matches('\n')))
            }
        }
    }

    fn replace(&mut self, node: NodeId, with: String) {
        let range = self.tree.node(node).start..self.tree.end(node);
        // The line end after a block of text belongs to it.
        let line_end = if self.text[range.clone()].ends_with('\n') { "\n" } else { "" };
        self.edits.push((range, with + line_end));
    }

    /// Replaces what stands behind the colon of a key.
    fn value(&mut self, key: NodeId, value: NodeId, with: String) -> Option<()> {
        let key_end = self.tree.end(key);
        let colon = key_end + self.text[key_end..].find(':')? + 1;
        let end = if self.tree.node(value).start < colon { colon } else { self.tree.end(value).max(colon) };
        let end = if self.text[colon..end].trim().is_empty() { colon } else { end };
        self.edits.push((colon..end, with));
        Some(())
    }

    /// The beginning of the line after a place; the place itself where that is one.
    fn next_line(&self, at: usize) -> usize {
        if self.text[..at].ends_with('\n') {
            return at;
        }
        self.text[at..].find('\n').map_or(self.text.len(), |index| at + index + 1)
    }

    fn column(&self, at: usize) -> usize {
        let line_start = self.text[..at].rfind('\n').map_or(0, |index| index + 1);
        self.text[line_start..at].chars().filter(|c| *c != '\u{feff}').count()
    }

    fn apply(mut self) -> String {
        self.edits.sort_by_key(|(range, _)| range.start);
        let line_end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let (mut written, mut at) = (String::new(), 0);
        for (range, with) in &self.edits {
            written.push_str(&self.text[at..range.start]);
            written.push_str(&with.replace('\n', line_end));
            at = range.end;
        }
        written.push_str(&self.text[at..]);
        written
    }
}
