//! Events to nodes: anchors are resolved here, values are not made yet.

use std::{collections::BTreeMap, io::Cursor};

use libyaml_safer::{
    Error as ParserError, Event, EventData, MappingStyle, Parser, ScalarStyle, SequenceStyle,
};

use crate::{
    Error, Place,
    tree::{Kind, Node, NodeId, Tree},
};

/// Deeper than any manifest; keeps everything that walks over values off the end of the stack.
const DEPTH_LIMIT: usize = 200;

/// Composes the first document of a part of a text; `None` where there is none.
pub(crate) struct Composer<'t> {
    text: &'t str,
    /// Where the part begins in the text.
    base: usize,
    parser: Parser<Cursor<String>>,
    nodes: Vec<Node>,
    anchors: BTreeMap<String, NodeId>,
}

impl<'t> Composer<'t> {
    /// `part` is what stands in `text` from `base` on, with a last line end.
    pub(crate) fn new(text: &'t str, base: usize, part: String) -> Self {
        let mut parser = Parser::new();
        parser.set_input(Cursor::new(part));
        Self { text, base, parser, nodes: Vec::new(), anchors: BTreeMap::new() }
    }

    /// The first document. Fails where a second one begins or something follows its end: kubectl
    /// would not read it.
    pub(crate) fn first(mut self) -> Result<Option<Tree<'t>>, Error> {
        self.next()?;
        let start = self.next()?;
        match start.data {
            EventData::StreamEnd => return Ok(None),
            EventData::DocumentStart { .. } => {}
            _ => return Err(self.unexpected(&start)),
        }
        let first = self.next()?;
        let root = self.node(first, 0)?;
        self.next()?;
        let rest = self.next()?;
        if !matches!(rest.data, EventData::StreamEnd) {
            let place = self.place(&rest.start_mark, &rest.end_mark);
            return Err(Error::new("a second document without `---` before it; kubectl skips it", place)
                .with_help("begin it with a line `---`"));
        }
        Ok(Some(Tree { text: self.text, nodes: self.nodes, root }))
    }

    fn next(&mut self) -> Result<Event, Error> {
        self.parser.parse().map_err(|error| self.broken(&error))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<NodeId, Error> {
        let place = self.place(&event.start_mark, &event.end_mark);
        if depth > DEPTH_LIMIT {
            return Err(Error::new(format!("nested more than {DEPTH_LIMIT} deep"), place));
        }
        let id = NodeId(self.nodes.len());
        let (start, end) = (self.offset(event.start_mark.index), self.offset(event.end_mark.index));
        let push = |composer: &mut Self, kind: Kind, anchor: Option<String>| {
            composer.nodes.push(Node { kind, start, end });
            if let Some(anchor) = anchor {
                composer.anchors.insert(anchor, id);
            }
        };
        match event.data {
            EventData::Alias { anchor } => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    return Err(Error::new("an alias of an anchor that is not there", place).about(anchor));
                };
                push(self, Kind::Alias { target }, None);
            }
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                // `!` alone means: a text, whatever it looks like.
                let plain = plain_implicit && style == ScalarStyle::Plain && tag.as_deref() != Some("!");
                push(self, Kind::Scalar { value, tag: tag.filter(|tag| tag != "!"), plain }, anchor);
            }
            EventData::SequenceStart { anchor, style, .. } => {
                let flow = style == SequenceStyle::Flow;
                push(self, Kind::Sequence { items: Vec::new(), flow }, anchor);
                let mut items = Vec::new();
                let end = loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::SequenceEnd) {
                        break event.end_mark;
                    }
                    items.push(self.node(event, depth + 1)?);
                };
                self.close(id, Kind::Sequence { items, flow }, end.index);
            }
            EventData::MappingStart { anchor, style, .. } => {
                let flow = style == MappingStyle::Flow;
                push(self, Kind::Mapping { pairs: Vec::new(), flow }, anchor);
                let mut pairs = Vec::new();
                let end = loop {
                    let event = self.next()?;
                    if matches!(event.data, EventData::MappingEnd) {
                        break event.end_mark;
                    }
                    let key = self.node(event, depth + 1)?;
                    let event = self.next()?;
                    pairs.push((key, self.node(event, depth + 1)?));
                };
                self.close(id, Kind::Mapping { pairs, flow }, end.index);
            }
            _ => return Err(self.unexpected(&event)),
        }
        Ok(id)
    }

    fn close(&mut self, id: NodeId, kind: Kind, end: u64) {
        let end = self.offset(end);
        let node = &mut self.nodes[id.0];
        node.kind = kind;
        node.end = end;
    }

    fn offset(&self, index: u64) -> usize {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.base.saturating_add(index).min(self.text.len())
    }

    fn place(&self, start: &libyaml_safer::Mark, end: &libyaml_safer::Mark) -> Place {
        Place::of(self.text, self.offset(start.index)..self.offset(end.index))
    }

    fn unexpected(&self, event: &Event) -> Error {
        Error::new("not well-formed YAML", self.place(&event.start_mark, &event.end_mark))
    }

    fn broken(&self, error: &ParserError) -> Error {
        let mark = error.problem_mark().or(error.context_mark());
        let at = mark.map_or(self.base, |mark| self.offset(mark.index));
        let message = match error.context() {
            Some(context) => format!("{}, {context}", error.problem()),
            None => error.problem().to_owned(),
        };
        Error::new(message, Place::of(self.text, at..at + 1))
    }
}
