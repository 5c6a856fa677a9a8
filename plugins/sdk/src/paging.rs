//! Lists that come in pages.

use crate::Fault;

/// One page, and how to ask for the next one.
pub struct Page<T, C> {
    /// Its items.
    pub items: Vec<T>,
    /// Page number or cursor of the next page; none on the last one.
    pub next: Option<C>,
}

/// More pages than any account has objects: a vendor that never ends its list
/// must not keep us for ever.
const MOST_PAGES: usize = 1000;

/// Every item of every page. `fetch` gets `None` for the first page.
pub fn all<T, C: PartialEq + Clone>(
    mut fetch: impl FnMut(Option<&C>) -> Result<Page<T, C>, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut items = Vec::new();
    let mut at: Option<C> = None;
    for _ in 0..MOST_PAGES {
        let page = fetch(at.as_ref())?;
        items.extend(page.items);
        match page.next {
            None => return Ok(items),
            next if next == at => {
                return Err(Fault::malformed("the vendor's list points at the same page again"));
            }
            next => at = next,
        }
    }
    Err(Fault::malformed("the vendor's list does not end"))
}

/// The first item that `wanted` accepts; later pages are not asked for.
pub fn find<T, C: PartialEq + Clone>(
    mut fetch: impl FnMut(Option<&C>) -> Result<Page<T, C>, Fault>,
    mut wanted: impl FnMut(&T) -> bool,
) -> Result<Option<T>, Fault> {
    let mut found = None;
    all(|at| {
        let mut page = fetch(at)?;
        if let Some(index) = page.items.iter().position(&mut wanted) {
            found = Some(page.items.swap_remove(index));
            page.next = None;
        }
        Ok(Page::<T, C> { items: Vec::new(), next: page.next })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(at: Option<&u32>) -> Page<u32, u32> {
        let at = at.copied().unwrap_or(1);
        Page { items: vec![at * 10, at * 10 + 1], next: (at < 3).then_some(at + 1) }
    }

    #[test]
    fn every_page_is_read_once() {
        let items = all(|at| Ok(page(at))).expect("ends");
        assert_eq!(items, [10, 11, 20, 21, 30, 31]);
    }

    #[test]
    fn find_stops_at_the_first_hit() {
        let mut asked = 0;
        let found = find(
            |at| {
                asked += 1;
                Ok(page(at))
            },
            |item| *item == 20,
        )
        .expect("ends");
        assert_eq!((found, asked), (Some(20), 2));
    }

    #[test]
    fn a_list_that_turns_in_circles_is_a_fault() {
        let fault = all(|_: Option<&u32>| Ok(Page { items: vec![0_u8], next: Some(7) })).expect_err("circle");
        assert_eq!(fault.class, "malformed");
    }
}
