//! The name of a violated constraint.
//!
//! PostgreSQL reports the name of the unique index, SQLite the table and its columns. The store
//! tells conflicts apart by name, so the name is looked up here, and where the schema gives none,
//! it is made as PostgreSQL would make it.

use rusqlite::Connection;

const INDEXES: &str = r#"SELECT name, origin FROM pragma_index_list(?1) WHERE "unique" = 1"#;
const COLUMNS: &str = "SELECT name FROM pragma_index_info(?1) ORDER BY seqno";

/// The name of the constraint in SQLite's message, `UNIQUE constraint failed: table.a, table.b`
/// (or `index 'name'`, for an index on an expression). `primary` says that it is the primary key.
///
/// No two unique indexes of a table may have the same columns: the message does not tell them
/// apart.
pub(super) fn name(connection: &Connection, message: &str, primary: bool) -> String {
    let violated = message.rsplit_once(": ").map_or(message, |(_, rest)| rest);
    if let Some(name) = violated.strip_prefix("index '") {
        return name.trim_end_matches('\'').to_owned();
    }
    let mut table = violated;
    let mut columns = Vec::new();
    for column in violated.split(", ") {
        if let Some((of, column)) = column.split_once('.') {
            table = of;
            columns.push(column.to_owned());
        }
    }
    if primary {
        return format!("{table}_pkey");
    }
    created_index(connection, table, &columns)
        .ok()
        .flatten()
        .unwrap_or_else(|| format!("{table}_{}_key", columns.join("_")))
}

/// The name of the unique index that was made by `CREATE INDEX` on exactly these columns.
fn created_index(
    connection: &Connection,
    table: &str,
    columns: &[String],
) -> rusqlite::Result<Option<String>> {
    let mut indexes = connection.prepare(INDEXES)?;
    let mut found = indexes.query([table])?;
    while let Some(index) = found.next()? {
        let name: String = index.get(0)?;
        let origin: String = index.get(1)?;
        if origin != "c" {
            continue;
        }
        let mut of_index = connection.prepare(COLUMNS)?;
        let of_index: Vec<Option<String>> = of_index
            .query_map([&name], |column| column.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if of_index.iter().flatten().eq(columns) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_be_unique_has_a_name() {
        let connection = Connection::open_in_memory().unwrap();
        let schema = "
            CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER,
                PRIMARY KEY (a, b), UNIQUE (b, c)) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX t_by_d ON t (d, e);
            CREATE UNIQUE INDEX t_by_sum ON t (c + d);
            CREATE TABLE r (a INTEGER PRIMARY KEY) STRICT;
            INSERT INTO t VALUES (1, 2, 3, 4, 5);
            INSERT INTO r VALUES (1);";
        connection.execute_batch(schema).unwrap();
        let check = |sql: &str, primary: bool, expected: &str| {
            let error = connection.execute(sql, []).unwrap_err();
            let rusqlite::Error::SqliteFailure(_, Some(message)) = error else {
                panic!("{error}");
            };
            assert_eq!(name(&connection, &message, primary), expected);
        };
        check("INSERT INTO t VALUES (1, 2, 0, 0, 0)", true, "t_pkey");
        check("INSERT INTO t VALUES (9, 2, 3, 0, 0)", false, "t_b_c_key");
        check("INSERT INTO t VALUES (9, 9, 9, 4, 5)", false, "t_by_d");
        check("INSERT INTO t VALUES (9, 9, 6, 1, 0)", false, "t_by_sum");
        check("INSERT INTO r VALUES (1)", true, "r_pkey");
    }
}
