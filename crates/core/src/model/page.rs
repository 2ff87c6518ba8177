//! Pages: how a list is asked for and answered.

/// Which part of a list is wanted. `after` is the position of the last entry
/// that the caller has, as the store gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Only what follows this position.
    pub after: Option<Vec<u8>>,
    /// At most so many entries: 1 to [`PAGE_MAX`](crate::limit::PAGE_MAX).
    pub limit: usize,
}

/// Which entries of a list come first, by when they were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The oldest.
    #[default]
    OldestFirst,
    /// The newest.
    NewestFirst,
}

/// A part of a list, and where the next part begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in the list's order.
    pub items: Vec<T>,
    /// The position to go on from; absent on the last page.
    pub next: Option<Vec<u8>>,
}
