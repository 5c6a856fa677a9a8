//! Nodes to values: aliases and merge keys are followed, within bounds.

use serde_json::{Map, Value};

use crate::{
    Error,
    scalar::{self, Refusal},
    tree::{Kind, NodeId, Tree},
};

/// How many nodes aliases may make. A text of 10 lines can ask for billions.
const ALIASED_LIMIT: usize = 100_000;

struct Expansion<'a, 't> {
    tree: &'a Tree<'t>,
    /// Aliases that are being followed: one that comes back to itself never ends.
    following: Vec<NodeId>,
    aliased: usize,
}

/// The value of a node.
pub(crate) fn value(tree: &Tree<'_>, id: NodeId) -> Result<Value, Error> {
    Expansion { tree, following: Vec::new(), aliased: 0 }.value(id)
}

impl Expansion<'_, '_> {
    fn value(&mut self, id: NodeId) -> Result<Value, Error> {
        if !self.following.is_empty() {
            self.aliased += 1;
            if self.aliased > ALIASED_LIMIT {
                let message = format!("aliases that make more than {ALIASED_LIMIT} values");
                return Err(Error::new(message, self.tree.place(self.following[0])));
            }
        }
        match &self.tree.node(id).kind {
            Kind::Alias { target } => self.follow(id, |expansion| expansion.value(*target)),
            Kind::Scalar { value, tag, plain } => scalar::resolve(tag.as_deref(), value, *plain)
                .and_then(|resolved| resolved.to_json())
                .map_err(|refusal| self.refused(id, refusal)),
            Kind::Sequence { items, .. } => {
                items.iter().map(|item| self.value(*item)).collect::<Result<_, _>>().map(Value::Array)
            }
            Kind::Mapping { .. } => {
                let mut map = Map::new();
                self.fill(id, &mut map)?;
                Ok(Value::Object(map))
            }
        }
    }

    fn follow<T>(
        &mut self,
        alias: NodeId,
        then: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.following.contains(&alias) {
            return Err(Error::new("an anchor whose value contains itself", self.tree.place(alias)));
        }
        self.following.push(alias);
        let found = then(self)?;
        self.following.pop();
        Ok(found)
    }

    /// Puts a mapping's keys into `map`, in the order in which they stand: as kubectl has it, a merge
    /// key overwrites what stands before it and is overwritten by what stands after it.
    fn fill(&mut self, id: NodeId, map: &mut Map<String, Value>) -> Result<(), Error> {
        let tree = self.tree;
        let Kind::Mapping { pairs, .. } = &tree.node(id).kind else { return Ok(()) };
        let mut own: std::collections::BTreeMap<String, NodeId> = std::collections::BTreeMap::new();
        for (key, value) in pairs {
            if self.is_merge(*key) {
                self.merge(*value, map)?;
                continue;
            }
            let name = self.key(*key)?;
            if let Some(first) = own.insert(name.clone(), *key) {
                let mut error = Error::new("a key that stands twice in one mapping", tree.place(*key))
                    .about(name)
                    .with_help("remove one of the two: kubectl takes the last in silence");
                error.first = Some(tree.place(first));
                return Err(error);
            }
            let value = self.value(*value)?;
            map.insert(name, value);
        }
        Ok(())
    }

    fn is_merge(&self, key: NodeId) -> bool {
        matches!(&self.tree.node(key).kind, Kind::Scalar { value, tag, plain } if value == "<<"
            && match tag { Some(tag) => tag == "tag:yaml.org,2002:merge", None => *plain })
    }

    fn merge(&mut self, from: NodeId, map: &mut Map<String, Value>) -> Result<(), Error> {
        match &self.tree.node(from).kind {
            // The first has precedence: it comes last.
            Kind::Sequence { items, .. } => {
                items.iter().rev().try_for_each(|item| self.merge_one(*item, map))
            }
            _ => self.merge_one(from, map),
        }
    }

    fn merge_one(&mut self, from: NodeId, map: &mut Map<String, Value>) -> Result<(), Error> {
        let tree = self.tree;
        match &tree.node(from).kind {
            Kind::Mapping { .. } => self.fill(from, map),
            Kind::Alias { target } if matches!(tree.node(*target).kind, Kind::Mapping { .. }) => {
                self.follow(from, |expansion| expansion.fill(*target, map))
            }
            _ => Err(Error::new("`<<` takes a mapping, or a list of mappings", tree.place(from))),
        }
    }

    fn key(&mut self, id: NodeId) -> Result<String, Error> {
        let refusal = match &self.tree.node(id).kind {
            Kind::Alias { target } => return self.follow(id, |expansion| expansion.key(*target)),
            Kind::Scalar { value, tag, plain } => {
                match scalar::resolve(tag.as_deref(), value, *plain).and_then(|resolved| resolved.to_key()) {
                    Ok(key) => return Ok(key),
                    Err(refusal) => refusal,
                }
            }
            _ => Refusal { message: "a key that is a list or a mapping", help: None },
        };
        Err(self.refused(id, refusal))
    }

    fn refused(&self, id: NodeId, refusal: Refusal) -> Error {
        let mut error = Error::new(refusal.message, self.tree.place(id));
        if let Kind::Scalar { value, .. } = &self.tree.node(id).kind {
            error.subject = Some(value.clone());
        }
        error.help = refusal.help;
        error
    }
}
