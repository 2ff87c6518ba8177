//! Every SQL text of the store, held to the portable subset and to the schema.

use crate::migrate::MIGRATIONS;
use crate::portable::lint;
use crate::sqlite::{DATABASE_FILE, Options, Sqlite};
use crate::{change, epoch, read, registry, upkeep};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

const TEXTS: &[&[&str]] = &[
    change::adoption::TEXTS,
    change::application::TEXTS,
    change::api_key::TEXTS,
    change::attachment::TEXTS,
    change::audit::TEXTS,
    change::conversation::TEXTS,
    change::erasure::TEXTS,
    change::event::TEXTS,
    change::login::TEXTS,
    change::member::TEXTS,
    change::password::TEXTS,
    change::removal::TEXTS,
    change::revocation::TEXTS,
    change::session::TEXTS,
    change::settings::TEXTS,
    change::signing_key::TEXTS,
    change::user::TEXTS,
    read::api_key::TEXTS,
    read::application::TEXTS,
    read::attachment::TEXTS,
    read::audit::TEXTS,
    read::conversation::TEXTS,
    read::erasure::TEXTS,
    read::event::TEXTS,
    read::export::TEXTS,
    read::login::TEXTS,
    read::member::TEXTS,
    read::password::TEXTS,
    read::person::TEXTS,
    read::revocation::TEXTS,
    read::session::TEXTS,
    read::settings::TEXTS,
    read::upkeep::TEXTS,
    read::user::TEXTS,
    epoch::TEXTS,
    registry::TEXTS,
    upkeep::TEXTS,
];

#[test]
fn every_text_is_portable() {
    for sql in TEXTS.iter().copied().flatten() {
        let found: Vec<String> = lint(sql).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{found:?} in {sql}");
    }
}

/// What the audit log has told it goes on telling: it ends with its application, and but for that
/// only what [`change::audit`] says is done to it.
#[test]
fn no_text_but_those_of_the_log_changes_it() {
    let changes = |sql: &&str| {
        let changing = ["UPDATE audit", "DELETE FROM audit", "INTO audit"];
        changing.iter().any(|text| sql.contains(text))
    };
    let all = TEXTS.iter().copied().flatten().copied().filter(changes);
    let of_others = all.filter(|sql| !change::audit::TEXTS.contains(sql));
    let with_the_application = [
        "DELETE FROM audit WHERE application_id = $1",
        "DELETE FROM audit_logs WHERE application_id = $1",
    ];
    assert_eq!(of_others.collect::<Vec<_>>(), with_the_application);
    let told = ["happened_at", "actor", "action", "target", "user_id"];
    for sql in change::audit::TEXTS
        .iter()
        .filter(|sql| sql.starts_with("UPDATE audit "))
    {
        let set = sql.split("WHERE").next().unwrap();
        assert!(told.iter().all(|column| !set.contains(column)), "{sql}");
        assert!(!sql.contains("DELETE"), "{sql}");
    }
}

/// No text may read a whole table, nor all that one application has of it: each goes by an index.
#[tokio::test]
async fn every_text_fits_the_schema_and_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
        .await
        .unwrap();
    engine.close().await;
    let connection = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    let stable = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
    connection.set_db_config(stable, true).unwrap();
    let mut wrong = Vec::new();
    for sql in TEXTS.iter().copied().flatten() {
        let explain = format!("EXPLAIN QUERY PLAN {}", sql.replace('$', "?"));
        let mut plan = connection.prepare(&explain).expect(sql);
        let count = plan.parameter_count();
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(vec![0; count]), |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let everything = sql.starts_with("DELETE") && sql.ends_with("WHERE application_id = $1");
        for step in &steps {
            // Both are made of a whole table, for one query.
            let made = step.starts_with("BLOOM FILTER") || step.contains("AUTOMATIC");
            let whole = step.starts_with("SCAN ") || step.ends_with("(application_id=?)") || made;
            // Looked for under each value that the index has first, one after the other.
            let skips = step.contains("ANY(");
            if (whole || skips) && !is_of_few_rows(step) && !everything {
                wrong.push(format!("{step} in {sql}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a subquery has made is one row or a page. Of our own keys and an application's there are
/// few; and a key in its order is read as far as it is needed.
fn is_of_few_rows(step: &str) -> bool {
    let made = ["SCAN p", "SCAN n", "SCAN a", "SCAN CONSTANT ROW"];
    let few = [
        "SCAN mac_keys",
        "SEARCH signing_keys USING PRIMARY KEY (application_id=?)",
        "SEARCH k USING PRIMARY KEY (application_id=?)",
        "SCAN l",
        "SCAN x USING INDEX erasures_open",
        "SCAN erasures USING INDEX erasures_open",
        // Each application has one, and few of them are behind.
        "SEARCH l USING PRIMARY KEY (application_id=?)",
        "SEARCH audit_logs USING PRIMARY KEY (application_id=?)",
        "SCAN audit_logs USING INDEX audit_logs_unsealed",
        // All that have a password, where none of them may go on, and all conversations of an
        // application that ends.
        "SEARCH every USING PRIMARY KEY (application_id=?)",
        // All there are, where a history is restored.
        "SCAN every",
    ];
    // What a window is over is a part of a conversation.
    let window = step.starts_with("SCAN (subquery-");
    made.contains(&step) || few.contains(&step) || window
}
