//! What the query planner is told about the data, whatever the data is.
//!
//! Without statistics SQLite takes every column of an index to narrow about as well as the next.
//! Here the first column of nearly every key is the application, which narrows nothing where there
//! is one of them, and the planner would read an application's whole table instead of going by
//! an index of two columns more. Statistics that were measured would change plans with the data,
//! at a moment that nobody chose. So they are assumed, by one rule: the first column of several
//! says nothing, the last nearly everything. Plans are then the same on every database. Where the
//! first is no column but an expression, it is the number of an event's conversation, and narrows
//! like those after it.

use rusqlite::{Connection, Result};

const INDEXES: &str = r#"
SELECT t.name, i.name, i."unique", i.origin, i.partial,
    (SELECT count(*) FROM pragma_index_info(i.name)),
    (SELECT cid = -2 FROM pragma_index_info(i.name) WHERE seqno = 0)
FROM sqlite_schema t JOIN pragma_index_list(t.name) i
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"#;
const ASSUME: &str = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3)";
/// A table that is kept by a number has no index of its key, and tells by itself how long it is.
const BY_NUMBER: &str = "
SELECT t.name FROM sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk')";

/// Rows of a table, and of an index that leaves some out.
const ROWS: u64 = 1_000_000;
const ROWS_PARTIAL: u64 = 100_000;
/// Rows that agree in some columns after the first, and in all columns of an index.
const ROWS_OF_SOME_COLUMNS: u64 = 100;
const ROWS_OF_ALL_COLUMNS: u64 = 10;

struct Index {
    table: String,
    name: String,
    unique: bool,
    primary: bool,
    partial: bool,
    columns: u32,
    by_expression: bool,
}

/// Writes the assumed statistics of every index. Connections that are opened later plan by them.
pub(super) fn assume(connection: &Connection) -> Result<()> {
    // SQLite makes the table of statistics with the first ones, and these are of a small table.
    connection.execute_batch("ANALYZE migrations; DELETE FROM sqlite_stat1;")?;
    let mut query = connection.prepare(INDEXES)?;
    let indexes = query.query_map([], |row| {
        let origin: String = row.get(3)?;
        Ok(Index {
            table: row.get(0)?,
            name: row.get(1)?,
            unique: row.get(2)?,
            primary: origin == "pk",
            partial: row.get(4)?,
            columns: row.get(5)?,
            by_expression: row.get(6)?,
        })
    })?;
    for index in indexes {
        let index = index?;
        // The key of a table without row ids is the table, and goes by its name.
        let name = if index.primary {
            &index.table
        } else {
            &index.name
        };
        connection.execute(ASSUME, (&index.table, name, index.statistics()))?;
    }
    let mut query = connection.prepare(BY_NUMBER)?;
    let tables = query.query_map([], |row| row.get::<_, String>(0))?;
    for table in tables {
        connection.execute(ASSUME, (table?, None::<&str>, ROWS.to_string()))?;
    }
    Ok(())
}

// === impl Index ===

impl Index {
    /// The number of rows, and then for each column how many of them agree in it and all before.
    fn statistics(&self) -> String {
        let rows = if self.partial { ROWS_PARTIAL } else { ROWS };
        let mut numbers = vec![rows.to_string()];
        for column in 1..=self.columns {
            let agree = if column == self.columns {
                if self.unique { 1 } else { ROWS_OF_ALL_COLUMNS }
            } else if column == 1 && !self.by_expression {
                rows
            } else {
                ROWS_OF_SOME_COLUMNS
            };
            numbers.push(agree.to_string());
        }
        numbers.join(" ")
    }
}
