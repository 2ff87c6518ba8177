//! What a statement returned.
//!
//! All cells of an answer share one text and one byte string, so that a page of a hundred rows is
//! three allocations. A cell is read by its column's index and a type; a cell of another type is
//! an error, never a panic and never a silent conversion.

use crate::error::StoreError;
use std::fmt;
use std::ops::Range;

/// The most cells, and bytes of texts or blobs, that an answer has room for before it is known what
/// it holds: those of a page. What is larger is rare, and grows.
const ROOM_CELLS_MAX: usize = 2_000;
const ROOM_BYTES_MAX: usize = 64 << 10;

/// The rows that one statement returned, in order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Rows {
    columns: usize,
    count: usize,
    cells: Vec<Cell>,
    texts: String,
    blobs: Vec<u8>,
}

/// One row of an answer.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

/// How much an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    cells: usize,
    texts: usize,
    blobs: usize,
}

/// A value as it is stored; texts and blobs are parts of what the rows share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Null,
    Integer(i64),
    Text(Part),
    Blob(Part),
}

/// Where a text or blob begins and ends. An answer has fewer bytes than four of them can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    start: u32,
    end: u32,
}

// === impl Rows ===

impl Rows {
    /// An answer without rows yet, of statements with so many columns.
    pub(crate) fn with_columns(columns: usize) -> Self {
        Self {
            columns,
            ..Self::default()
        }
    }

    /// An answer without rows yet, with room for as much as this.
    pub(crate) fn with_room(columns: usize, size: Size) -> Self {
        Self {
            columns,
            count: 0,
            cells: Vec::with_capacity(size.cells),
            texts: String::with_capacity(size.texts),
            blobs: Vec::with_capacity(size.blobs),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.count).map(|index| Row { rows: self, index })
    }

    /// The bytes that texts and blobs take.
    pub(crate) fn bytes(&self) -> usize {
        self.texts.len() + self.blobs.len()
    }

    /// How much it holds, as far as a next answer may have room for it from the beginning.
    pub(crate) fn size(&self) -> Size {
        Size {
            cells: self.cells.len().min(ROOM_CELLS_MAX),
            texts: self.texts.len().min(ROOM_BYTES_MAX),
            blobs: self.blobs.len().min(ROOM_BYTES_MAX),
        }
    }

    pub(crate) fn push_null(&mut self) {
        self.cells.push(Cell::Null);
    }

    pub(crate) fn push_integer(&mut self, integer: i64) {
        self.cells.push(Cell::Integer(integer));
    }

    pub(crate) fn push_text(&mut self, text: &str) {
        let start = self.texts.len();
        self.texts.push_str(text);
        self.cells
            .push(Cell::Text(Part::new(start, self.texts.len())));
    }

    pub(crate) fn push_blob(&mut self, blob: &[u8]) {
        let start = self.blobs.len();
        self.blobs.extend_from_slice(blob);
        self.cells
            .push(Cell::Blob(Part::new(start, self.blobs.len())));
    }

    /// Ends a row, after a cell was pushed for each of its columns.
    pub(crate) fn end_row(&mut self) {
        self.count += 1;
        debug_assert_eq!(self.cells.len(), self.count * self.columns);
    }
}

impl fmt::Debug for Rows {
    /// Tells the shape only: the content may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} of {} columns)", self.count, self.columns)
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    /// How many cells it has.
    pub fn columns(&self) -> usize {
        self.rows.columns
    }

    /// An integer.
    ///
    /// # Errors
    /// As all readers of a cell: [`StoreError::Decode`] where the row has no such column, or one
    /// of another type.
    pub fn integer(&self, column: usize) -> Result<i64, StoreError> {
        match self.cell(column) {
            Some(Cell::Integer(integer)) => Ok(*integer),
            other => Err(self.mismatch(column, "an integer", other)),
        }
    }

    /// A flag, stored as 0 or 1.
    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        match self.cell(column) {
            Some(Cell::Integer(0)) => Ok(false),
            Some(Cell::Integer(1)) => Ok(true),
            other => Err(self.mismatch(column, "0 or 1", other)),
        }
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<&'a str, StoreError> {
        let text = match self.cell(column) {
            Some(Cell::Text(part)) => self.rows.texts.get(part.range()),
            _ => None,
        };
        text.ok_or_else(|| self.mismatch(column, "a text", self.cell(column)))
    }

    /// Bytes.
    pub fn blob(&self, column: usize) -> Result<&'a [u8], StoreError> {
        let blob = match self.cell(column) {
            Some(Cell::Blob(part)) => self.rows.blobs.get(part.range()),
            _ => None,
        };
        blob.ok_or_else(|| self.mismatch(column, "a blob", self.cell(column)))
    }

    /// Sixteen bytes, as ids are stored.
    pub fn id(&self, column: usize) -> Result<[u8; 16], StoreError> {
        self.blob(column)?
            .try_into()
            .map_err(|_| self.mismatch(column, "16 bytes", self.cell(column)))
    }

    /// `None` where the cell is NULL, else what `read` makes of it:
    /// `row.optional(3, Row::text)?`.
    ///
    /// # Errors
    /// Those of `read`; NULL in a column that does not exist is one of them.
    pub fn optional<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self, usize) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.cell(column) {
            Some(Cell::Null) => Ok(None),
            _ => read(self, column).map(Some),
        }
    }

    /// What `read` makes of a text; `wanted` says in the error what else it should have been.
    pub fn parsed<T>(
        &self,
        column: usize,
        wanted: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StoreError> {
        read(self.text(column)?).ok_or_else(|| self.mismatch(column, wanted, self.cell(column)))
    }

    fn cell(&self, column: usize) -> Option<&'a Cell> {
        if column >= self.rows.columns {
            return None;
        }
        self.rows.cells.get(self.index * self.rows.columns + column)
    }

    fn mismatch(&self, column: usize, wanted: &'static str, found: Option<&Cell>) -> StoreError {
        let found = match found {
            None => "no such column",
            Some(Cell::Null) => "NULL",
            Some(Cell::Integer(_)) => "an integer",
            Some(Cell::Text(_)) => "a text",
            Some(Cell::Blob(_)) => "a blob",
        };
        StoreError::Decode {
            row: self.index,
            column,
            wanted,
            found,
        }
    }
}

// === impl Part ===

impl Part {
    /// What lies beyond the bound of an answer is cut off here, and refused where it is collected.
    fn new(start: usize, end: usize) -> Self {
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            start: place(start),
            end: place(end),
        }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} of {:?})", self.index, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows: (NULL, 7, "naïve", 16 bytes) and (1, NULL, "", no bytes).
    fn sample() -> Rows {
        let mut rows = Rows::with_columns(4);
        rows.push_null();
        rows.push_integer(7);
        rows.push_text("naïve");
        rows.push_blob(&[9; 16]);
        rows.end_row();
        rows.push_integer(1);
        rows.push_null();
        rows.push_text("");
        rows.push_blob(&[]);
        rows.end_row();
        rows
    }

    #[test]
    fn cells_are_read_by_type() {
        let rows = sample();
        let read: Vec<Row<'_>> = rows.iter().collect();
        assert_eq!((rows.len(), rows.bytes()), (2, "naïve".len() + 16));
        assert_eq!(read[0].optional(0, Row::integer), Ok(None));
        assert_eq!(read[0].optional(1, Row::integer), Ok(Some(7)));
        assert_eq!(read[0].text(2), Ok("naïve"));
        assert_eq!(read[0].blob(3), Ok(&[9; 16][..]));
        assert_eq!(read[0].id(3), Ok([9; 16]));
        assert_eq!(read[1].flag(0), Ok(true));
        assert_eq!(read[1].text(2), Ok(""));
        assert_eq!(read[1].blob(3), Ok(&[][..]));
        assert_eq!(Rows::default().first().map(|row| row.index), None);
    }

    #[test]
    fn a_wrong_type_is_an_error_that_says_where() {
        let rows = sample();
        let row: Vec<Row<'_>> = rows.iter().collect();
        fn check<T: fmt::Debug>(read: Result<T, StoreError>, expected: &str) {
            assert_eq!(read.unwrap_err().to_string(), expected);
        }
        check(
            row[0].integer(0),
            "row 0, column 0: wanted an integer, found NULL",
        );
        check(
            row[0].text(1),
            "row 0, column 1: wanted a text, found an integer",
        );
        check(
            row[0].blob(2),
            "row 0, column 2: wanted a blob, found a text",
        );
        check(
            row[0].flag(1),
            "row 0, column 1: wanted 0 or 1, found an integer",
        );
        check(
            row[1].id(3),
            "row 1, column 3: wanted 16 bytes, found a blob",
        );
        check(
            row[1].integer(4),
            "row 1, column 4: wanted an integer, found no such column",
        );
        check(
            row[0].optional(4, Row::text),
            "row 0, column 4: wanted a text, found no such column",
        );
    }
}
