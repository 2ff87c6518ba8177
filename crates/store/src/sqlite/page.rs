//! What of a page of the database no cell of it uses, as pure bytes.
//!
//! SQLite wipes what it deletes, where it is told to. It does not wipe what it moves: a page that
//! is filled anew from its neighbours keeps in its middle what lay there before. The format is
//! SQLite's own (fileformat2, section 1.6, "B-tree Pages"), which it promises to keep.

/// Bytes at the beginning of the first page that are the database's header.
const DATABASE_HEADER: usize = 100;
/// The kinds of b-tree pages. Pages of other uses begin with the number of a page, whose first
/// byte is zero as long as there are fewer than [`PAGES_MAX`].
const INTERIOR: [u8; 2] = [2, 5];
const LEAF: [u8; 2] = [10, 13];
/// As many pages as can be told apart by their first byte: 128 GiB.
pub(super) const PAGES_MAX: u32 = 1 << 25;

/// Overwrites with zeros what no cell uses, and says whether there was anything. A page that is
/// none of a b-tree, or does not look like one throughout, stays as it is.
pub(super) fn wipe(number: u32, page: &mut [u8]) -> bool {
    let Some(unused) = unused(number, page) else {
        return false;
    };
    let mut wiped = false;
    for (begin, end) in unused {
        for byte in page.get_mut(begin..end).unwrap_or_default() {
            wiped |= *byte != 0;
            *byte = 0;
        }
    }
    wiped
}

/// The parts of a b-tree's page between its cells.
fn unused(number: u32, page: &[u8]) -> Option<Vec<(usize, usize)>> {
    let header = if number == 1 { DATABASE_HEADER } else { 0 };
    let kind = *page.get(header)?;
    let cells_at = if INTERIOR.contains(&kind) {
        header + 12
    } else if LEAF.contains(&kind) {
        header + 8
    } else {
        return None;
    };
    let cells = u16_at(page, header + 3)?;
    // Zero stands for 65,536, of which our pages have less.
    let content = u16_at(page, header + 5)?;
    let pointers_end = cells_at + 2 * cells;
    if content < pointers_end || content > page.len() {
        return None;
    }
    for cell in 0..cells {
        let at = u16_at(page, cells_at + 2 * cell)?;
        if at < content || at >= page.len() {
            return None;
        }
    }
    let mut unused = vec![(pointers_end, content)];
    // A free block begins with the place of the next one and its own size; the last has no next.
    let mut block = u16_at(page, header + 1)?;
    while block != 0 {
        let next = u16_at(page, block)?;
        let size = u16_at(page, block + 2)?;
        let end = block + size;
        let in_order = next == 0 || next >= end;
        if block < content || size < 4 || end > page.len() || !in_order {
            return None;
        }
        unused.push((block + 4, end));
        block = next;
    }
    Some(unused)
}

fn u16_at(page: &[u8], at: usize) -> Option<usize> {
    let bytes = page.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leaf of 64 bytes with a cell at 60 and one at 40, and a free block of 8 bytes at 50.
    fn leaf() -> Vec<u8> {
        let mut page = vec![7; 64];
        page[..12].copy_from_slice(&[10, 0, 50, 0, 2, 0, 40, 0, 0, 60, 0, 40]);
        page[50..54].copy_from_slice(&[0, 0, 0, 8]);
        page
    }

    #[test]
    fn what_no_cell_uses_is_wiped_once() {
        let mut page = leaf();
        assert!(wipe(2, &mut page));
        let mut expected = leaf();
        expected[12..40].fill(0);
        expected[54..58].fill(0);
        assert_eq!(page, expected);
        assert!(!wipe(2, &mut page), "there was nothing left");

        // The first page has the database's header before its own.
        let mut first = vec![9; DATABASE_HEADER];
        first.extend([13, 0, 0, 0, 1, 0, 150, 0, 0, 150]);
        first.resize(160, 9);
        assert!(wipe(1, &mut first));
        assert_eq!(first[..DATABASE_HEADER], [9; DATABASE_HEADER]);
        assert_eq!(first[110..150], [0; 40]);
        assert_eq!(first[150..], [9; 10]);
    }

    #[test]
    fn what_is_no_page_of_a_tree_stays() {
        let check = |change: &[(usize, u8)]| {
            let mut page = leaf();
            for &(at, byte) in change {
                page[at] = byte;
            }
            let before = page.clone();
            assert!(!wipe(2, &mut page), "{change:?}");
            assert_eq!(page, before, "{change:?}");
        };
        check(&[(0, 0)]);
        check(&[(0, 11)]);
        // Cells outside their area, and an area outside the page.
        check(&[(4, 200)]);
        check(&[(6, 11)]);
        check(&[(6, 65)]);
        check(&[(9, 39)]);
        check(&[(11, 64)]);
        // Free blocks that are none.
        check(&[(2, 39)]);
        check(&[(2, 63)]);
        check(&[(53, 3)]);
        check(&[(53, 15)]);
        check(&[(51, 50)]);
        check(&[(51, 56)]);
        assert!(!wipe(1, &mut leaf()));
        assert!(!wipe(2, &mut [10]));
        assert!(!wipe(2, &mut []));
    }
}
