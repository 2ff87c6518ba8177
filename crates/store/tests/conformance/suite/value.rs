//! Values come back as they were given, or are refused before anything is done.

use crate::schema::*;
use countersign_store::error::ParameterFault;
use countersign_store::{Engine, Row, Statement, StoreError, Value, limit};

const INSERT: &str = "INSERT INTO samples (id, an_int, a_text, a_blob) VALUES ($1, $2, $3, $4)";
const SELECT: &str = "SELECT an_int, a_text, a_blob FROM samples WHERE id = $1";

/// A value of each type: an integer, a text, a blob.
type Sample<'a> = (Option<i64>, Option<&'a str>, Option<&'a [u8]>);

pub(crate) async fn come_back_as_they_were(engine: &impl Engine) {
    let long_text = "0123456789abcdé".repeat(1 << 16);
    let long_blob: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let samples: [Sample<'_>; 8] = [
        (None, None, None),
        (Some(0), Some(""), Some(&[])),
        (
            Some(i64::MIN),
            Some("'; DROP TABLE samples; --"),
            Some(&[0]),
        ),
        (
            Some(i64::MAX),
            Some("naïve 🎈 \u{FFFD}\u{1}\n"),
            Some(&[0xFF, 0, 0xFE]),
        ),
        (Some(-1), Some(" $1 ?1 "), Some(&[7; 16])),
        (Some(1 << 53), Some("12"), Some(b"12")),
        (Some(1), Some(&long_text), None),
        (Some(2), None, Some(&long_blob)),
    ];
    for (position, sample) in (0..).zip(samples) {
        let (an_int, a_text, a_blob) = sample;
        let parameters = [position.into(), an_int.into(), a_text.into(), a_blob.into()];
        write(engine, [Statement::new(INSERT, parameters)]).await;
        let query = Statement::new(SELECT, [position.into()]).expecting(1, "sample");
        let rows = read(engine, query).await;
        let row = rows.first().unwrap();
        let read = (
            row.optional(0, Row::integer).unwrap(),
            row.optional(1, Row::text).unwrap(),
            row.optional(2, Row::blob).unwrap(),
        );
        assert!(read == sample, "sample {position} has changed");
    }
    let rows = write(engine, [Statement::new(SELECT, [4.into()])]).await;
    assert_eq!(rows[0].first().unwrap().id(2), Ok([7; 16]));
}

pub(crate) async fn null_characters_are_refused(engine: &impl Engine) {
    let batch = [insert_account(1, "one", 0), insert_account(2, "t\0wo", 0)];
    let fault = ParameterFault::Null { position: 2 };
    let expected = StoreError::Parameter { index: 1, fault };
    assert_eq!(refuse(engine, batch).await, expected);
    assert_eq!(accounts(engine).await, 0);
    let query = Statement::new("SELECT id FROM accounts WHERE name = $1", ["\0".into()]);
    let fault = ParameterFault::Null { position: 1 };
    let expected = StoreError::Parameter { index: 0, fault };
    assert_eq!(engine.read(query.into()).await.unwrap_err(), expected);
}

pub(crate) async fn ids_sort_by_their_bytes(engine: &impl Engine) {
    for number in [0x80, 0x01, 0xFF, 0x7F, 0x00] {
        write(engine, [insert_account(number, &number.to_string(), 0)]).await;
    }
    let query = Statement::new("SELECT id FROM accounts ORDER BY id", []);
    let rows = read(engine, query).await;
    let sorted: Vec<u8> = rows.iter().map(|row| row.id(0).unwrap()[0]).collect();
    assert_eq!(sorted, [0x00, 0x01, 0x7F, 0x80, 0xFF]);
}

pub(crate) async fn texts_sort_by_their_bytes(engine: &impl Engine) {
    for (number, name) in (0..).zip(["é", "b", "a", "B", "A", "aa", "_"]) {
        write(engine, [insert_account(number, name, 0)]).await;
    }
    let sql = "SELECT name FROM accounts WHERE name > $1 ORDER BY name";
    let rows = read(engine, Statement::new(sql, ["A".into()])).await;
    let sorted: Vec<&str> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(sorted, ["B", "_", "a", "aa", "b", "é"]);
}

pub(crate) async fn answers_have_a_limit(engine: &impl Engine) {
    for position in 0..22 {
        let parameters = [position.into(), Value::Null, Value::Null, Value::Null];
        write(engine, [Statement::new(INSERT, parameters)]).await;
    }
    // 22 rows joined with themselves twice are 10,648.
    const _: () = assert!(22 * 22 * 22 > limit::ROWS_MAX);
    let sql = "SELECT a.id FROM samples a, samples b, samples c";
    let expected = StoreError::TooLarge {
        what: "rows in an answer",
        limit: limit::ROWS_MAX,
    };
    let query = Statement::new(sql, []);
    let error = engine.read(query.into()).await.unwrap_err();
    assert_eq!(error, expected);
    let batch = [insert_account(1, "one", 0), Statement::new(sql, [])];
    assert_eq!(refuse(engine, batch).await, expected);
    assert_eq!(accounts(engine).await, 0);
}

pub(crate) async fn batches_have_a_limit(engine: &impl Engine) {
    let blob: Value = vec![0_u8; limit::BATCH_BYTES_MAX / 2].into();
    let insert = |position: i64| {
        let parameters = [position.into(), Value::Null, Value::Null, blob.clone()];
        Statement::new(INSERT, parameters)
    };
    let error = refuse(engine, [insert(1), insert(2)]).await;
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    write(engine, [insert(3)]).await;
    let rows = write(engine, [Statement::new(SELECT, [1.into()])]).await;
    assert!(rows[0].is_empty());
}
