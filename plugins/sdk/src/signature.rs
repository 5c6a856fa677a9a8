//! Marks at the end of a name, for vendors that have no other place for them:
//! `pull` becomes `pull-` and twelve digits, half of the owner, half of the address.

use crate::{
    Context, Fault, Ownership,
    marks::{fnv, hex},
};

/// Characters that a signature adds to a name.
pub const LENGTH: usize = 1 + 2 * HALF;

/// Digits of each mark.
const HALF: usize = 6;

/// A name with this operation's marks.
pub fn sign(ctx: Context, name: &str) -> String {
    format!("{name}-{}{}", digits(&ctx.owner()), digits(&ctx.address()))
}

/// A name found at the vendor as an operator wrote it, and whose its object is.
/// The marks of any owner are taken off.
pub fn read<'a>(ctx: Context, found: &'a str) -> (&'a str, Ownership) {
    let is_mark = |text: &str| {
        text.len() == 2 * HALF && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match found.rsplit_once('-').filter(|(_, end)| is_mark(end)) {
        Some((name, end)) if end.starts_with(&digits(&ctx.owner())) => (name, Ownership::Ours),
        Some((name, _)) => (name, Ownership::Foreign),
        None => (found, Ownership::Unmarked),
    }
}

/// Whose an object of a known id is. One of a plain name was adopted.
pub fn ownership(ctx: Context, found: &str) -> Ownership {
    match read(ctx, found).1 {
        Ownership::Foreign => Ownership::Foreign,
        _ => Ownership::Ours,
    }
}

/// Of the objects at the vendor the one of this name: the one with our marks,
/// else one of the plain name, which is nobody's. Another resource's is
/// Foreign where `taken`, as it is where two of a name cannot be told apart.
pub fn pick<T>(
    ctx: Context,
    name: &str,
    found: Vec<T>,
    name_of: fn(&T) -> &str,
    taken: bool,
) -> Result<Option<(T, Ownership)>, Fault> {
    let signed = sign(ctx, name);
    let (mut ours, mut nobodys, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for object in found {
        match read(ctx, name_of(&object)) {
            _ if name_of(&object) == signed => ours.push(object),
            (bare, Ownership::Unmarked) if bare == name => nobodys.push(object),
            (bare, _) if bare == name && taken => others.push(object),
            _ => {}
        }
    }
    for (mut same, whose) in [(ours, Ownership::Ours), (nobodys, Ownership::Unmarked)] {
        if same.len() > 1 {
            return Err(Fault::conflict(
                "plugin::ambiguous-name",
                format!("{} objects at the vendor are called `{}`", same.len(), name_of(&same[0])),
            )
            .with_help("delete those that nobody uses, or choose another name"));
        }
        if let Some(object) = same.pop() {
            return Ok(Some((object, whose)));
        }
    }
    Ok(others.pop().map(|object| (object, Ownership::Foreign)))
}

/// Folded: the first digits of that hash tell short texts apart badly.
fn digits(text: &str) -> String {
    let hash = fnv(text.as_bytes());
    let hash = hash ^ (hash >> 64);
    hex(&(hash ^ (hash >> 32)).to_be_bytes()[16 - HALF / 2..])
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::testing::MockHost;

    #[test]
    fn a_signed_name_tells_whose_it_is() {
        let (one, two) = (MockHost::new("", "one", "shared/pull"), MockHost::new("", "two", "shared/pull"));
        let (ours, theirs) = (sign(one.context(), "pull"), sign(two.context(), "pull"));
        assert_eq!(ours.len(), "pull".len() + LENGTH);
        assert_eq!(read(one.context(), &ours), ("pull", Ownership::Ours));
        assert_eq!(read(one.context(), &theirs), ("pull", Ownership::Foreign));
        for plain in ["pull", "pull-0123456789ag", "pull-0123"] {
            assert_eq!(read(one.context(), plain), (plain, Ownership::Unmarked));
        }
    }

    #[test]
    fn short_texts_have_digits_of_their_own() {
        let texts: Vec<String> = (0..200).map(|number| format!("shared/key-{number}")).collect();
        let all: std::collections::BTreeSet<String> = texts.iter().map(|text| digits(text)).collect();
        assert_eq!(all.len(), texts.len());
    }

    #[test]
    fn our_own_comes_first_and_anothers_counts_only_where_it_is_in_the_way() {
        let (one, two) = (MockHost::new("", "one", "shared/pull"), MockHost::new("", "two", "shared/pull"));
        let (ours, theirs) = (sign(one.context(), "pull"), sign(two.context(), "pull"));
        let pick = |names: &[&str], taken| {
            let names = names.iter().map(ToString::to_string).collect();
            pick(one.context(), "pull", names, |name: &String| name, taken)
        };
        let found = |names: &[&str], taken| pick(names, taken).expect("one at most").map(|(_, whose)| whose);
        assert_eq!(found(&["pull", &theirs, &ours], true), Some(Ownership::Ours));
        assert_eq!(found(&[&theirs, "pull"], true), Some(Ownership::Unmarked));
        assert_eq!(found(&[&theirs, "other"], true), Some(Ownership::Foreign));
        assert_eq!(found(&[&theirs, "other"], false), None);
        assert_eq!(pick(&["pull", "pull"], false).expect_err("two").code, "plugin::ambiguous-name");
    }
}
