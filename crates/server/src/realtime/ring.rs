//! The newest events of one conversation, numbered without holes.
//!
//! Pure: numbers in, numbers out. What comes early waits until what is before
//! it has come; what cannot be kept is left to the store.

use std::collections::{BTreeMap, VecDeque};

/// Numbered items without holes, the newest at the end.
#[derive(Debug)]
pub(super) struct Ring<T> {
    /// The number that comes next.
    next: u64,
    /// Those before it, the oldest first.
    kept: VecDeque<T>,
    kept_max: usize,
    /// Those after it, which came early.
    early: BTreeMap<u64, T>,
    early_max: usize,
}

/// What a reader at a place finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// These follow, without a hole; none, where the reader is at the end.
    Next(Vec<T>),
    /// What follows is not kept here any more.
    Gone,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is at the end, and so are those that had waited for it.
    Kept,
    /// It waits for what comes before it.
    Early,
    /// It was there already, or has no room.
    Dropped,
}

// === impl Ring ===

impl<T: Clone> Ring<T> {
    /// A ring that begins after a number.
    pub(super) fn after(last: u64, kept_max: usize, early_max: usize) -> Self {
        Self {
            next: last.saturating_add(1),
            kept: VecDeque::new(),
            kept_max,
            early: BTreeMap::new(),
            early_max,
        }
    }

    /// The newest number up to which there is no hole.
    pub(super) fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The newest number that is here, early ones included.
    pub(super) fn newest(&self) -> u64 {
        let early = self.early.last_key_value().map(|(number, _)| *number);
        early.unwrap_or_else(|| self.last())
    }

    /// Whether something waits for what comes before it.
    pub(super) fn has_hole(&self) -> bool {
        !self.early.is_empty()
    }

    /// Whether an item with this number is here or was.
    pub(super) fn knows(&self, number: u64) -> bool {
        number < self.next || self.early.contains_key(&number)
    }

    /// What follows a number, at most so many.
    pub(super) fn following(&self, number: u64, most: usize) -> Found<T> {
        let Some(from) = number.saturating_add(1).checked_sub(self.first()) else {
            return Found::Gone;
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Found::Next(self.kept.iter().skip(from).take(most).cloned().collect())
    }

    /// Adds an item. `is_turn` says which items make what was before them
    /// stale: that is not kept.
    pub(super) fn push(&mut self, number: u64, item: T, is_turn: impl Fn(&T) -> bool) -> Pushed {
        if number > self.next {
            if self.early.len() >= self.early_max {
                return Pushed::Dropped;
            }
            self.early.insert(number, item);
            return Pushed::Early;
        }
        if number < self.next {
            return Pushed::Dropped;
        }
        self.keep(item, &is_turn);
        while let Some(item) = self.early.remove(&self.next) {
            self.keep(item, &is_turn);
        }
        // What was skipped by another way is not waited for any more.
        self.early = self.early.split_off(&self.next);
        Pushed::Kept
    }

    /// Adds what was read from the store: items without a hole, of which the
    /// first has this number. They may reach from before what is kept here.
    pub(super) fn fill(&mut self, first: u64, items: &[T], is_turn: impl Fn(&T) -> bool) {
        let reaches = first.saturating_add(items.len() as u64);
        if first < self.first() && reaches >= self.first() {
            let missing = usize::try_from(self.first() - first).unwrap_or(usize::MAX);
            let room = self.kept_max.saturating_sub(self.kept.len());
            for item in items.iter().take(missing).rev().take(room) {
                self.kept.push_front(item.clone());
            }
        }
        for (number, item) in (first..).zip(items) {
            self.push(number, item.clone(), &is_turn);
        }
    }

    /// Lets the oldest go, up to this number.
    pub(super) fn forget_through(&mut self, number: u64) {
        while self.first() <= number && self.kept.pop_front().is_some() {}
    }

    fn first(&self) -> u64 {
        self.next - self.kept.len() as u64
    }

    fn keep(&mut self, item: T, is_turn: impl Fn(&T) -> bool) {
        if is_turn(&item) {
            self.kept.clear();
        }
        if self.kept.len() >= self.kept_max {
            self.kept.pop_front();
        }
        self.kept.push_back(item);
        self.next = self.next.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items are their numbers; those that end in 7 are turns.
    fn ring(last: u64, numbers: &[u64]) -> Ring<u64> {
        let mut ring = Ring::after(last, 8, 4);
        for number in numbers {
            ring.push(*number, *number, is_turn);
        }
        ring
    }

    fn is_turn(number: &u64) -> bool {
        number % 10 == 7
    }

    fn next(numbers: impl IntoIterator<Item = u64>) -> Found<u64> {
        Found::Next(numbers.into_iter().collect())
    }

    #[test]
    fn what_comes_in_any_order_is_read_in_order() {
        for numbers in [
            vec![1, 2, 3, 4],
            vec![4, 3, 2, 1],
            vec![2, 1, 4, 3],
            vec![2, 2, 1, 1, 3, 3, 4],
        ] {
            let ring = ring(0, &numbers);
            assert_eq!(ring.following(0, 9), next(1..=4), "{numbers:?}");
            assert_eq!(ring.following(2, 9), next(3..=4), "{numbers:?}");
            assert_eq!(ring.following(1, 2), next(2..=3), "{numbers:?}");
            assert_eq!(ring.following(4, 9), next([]), "{numbers:?}");
            assert!(!ring.has_hole());
        }
    }

    #[test]
    fn what_has_a_hole_before_it_waits() {
        let mut ring = ring(4, &[6, 8]);
        assert_eq!(ring.following(4, 9), next([]));
        assert_eq!((ring.last(), ring.newest()), (4, 8));
        assert!(ring.has_hole() && ring.knows(6) && !ring.knows(5));
        assert_eq!(ring.push(5, 5, is_turn), Pushed::Kept);
        assert_eq!(ring.following(4, 9), next([5, 6]));
        ring.fill(5, &[5, 6, 7, 8, 9], is_turn);
        assert_eq!(ring.last(), 9);
        assert!(!ring.has_hole());
    }

    #[test]
    fn only_the_newest_are_kept() {
        let ring = ring(10, &(11..=30).filter(|n| n % 10 != 7).collect::<Vec<_>>());
        // 17 is missing: what is beyond waits, as far as there is room.
        assert_eq!(ring.last(), 16);
        assert_eq!(ring.newest(), 21);
        assert_eq!(ring.following(10, 9), next(11..=16));
        assert_eq!(ring.following(9, 9), Found::Gone);
    }

    #[test]
    fn what_an_event_has_made_stale_is_gone() {
        let mut ring = ring(2, &[3, 4, 5, 6, 7, 8]);
        assert_eq!(ring.following(6, 9), next([7, 8]));
        for behind in 0..6 {
            assert_eq!(ring.following(behind, 9), Found::Gone, "{behind}");
        }
        // The store tells it as it is now, and whoever is behind needs no other read.
        ring.fill(4, &[4, 5, 6, 7, 8], is_turn);
        assert_eq!(ring.following(3, 9), next([4, 5, 6, 7, 8]));
        // What does not reach what is kept would leave a hole.
        ring.fill(1, &[1, 2], is_turn);
        assert_eq!(ring.following(2, 9), Found::Gone);
    }

    #[test]
    fn the_oldest_may_go_at_any_time() {
        let mut ring = ring(0, &[1, 2, 3]);
        ring.forget_through(2);
        assert_eq!(ring.following(1, 9), Found::Gone);
        assert_eq!(ring.following(2, 9), next([3]));
        ring.forget_through(99);
        assert_eq!(ring.following(3, 9), next([]));
        assert_eq!(ring.push(4, 4, is_turn), Pushed::Kept);
    }

    #[test]
    fn a_reader_ahead_of_all_that_is_known_waits() {
        let ring = ring(3, &[4]);
        assert_eq!(ring.following(9, 9), next([]));
        assert_eq!(ring.following(u64::MAX, 9), next([]));
    }
}
