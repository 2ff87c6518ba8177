//! A batch commits as a whole, or says which statement failed, and how, and leaves nothing behind.

use crate::schema::*;
use crate::suite::concurrency::all;
use countersign_store::error::ParameterFault;
use countersign_store::{Batch, Engine, Statement, StoreError};

/// Asserts that a batch with `failing` at index 1 fails as expected and leaves nothing behind, also
/// where batches that succeed share its commit.
async fn check(engine: &impl Engine, failing: Statement, expected: StoreError) {
    let before = (accounts(engine).await, balance(engine, 1).await);
    let batch: Batch = [
        deposit(1, 1),
        failing,
        insert_account(200, "left behind", 0),
    ]
    .into();
    let results = all([
        engine.write([deposit(1, 100)].into()),
        engine.write(batch.clone()),
        engine.write([deposit(1, -100)].into()),
    ])
    .await;
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1], Err(expected.clone()));
    // A batch that is alone is no other case.
    assert_eq!(refuse(engine, batch).await, expected);
    let after = (accounts(engine).await, balance(engine, 1).await);
    assert_eq!(after, before, "something was left behind");
}

async fn two_accounts(engine: &impl Engine) {
    write(
        engine,
        [insert_account(1, "one", 10), insert_account(2, "two", 20)],
    )
    .await;
}

pub(crate) async fn all_hold(engine: &impl Engine) {
    two_accounts(engine).await;
    let none = Statement::new(
        "DELETE FROM accounts WHERE name = $1 RETURNING 1",
        ["x".into()],
    );
    let all = Statement::new("SELECT name FROM accounts ORDER BY name", []);
    let batch = [
        deposit(1, 1),
        none.expecting(0, "none"),
        all.expecting(2, "all"),
    ];
    let rows = write(engine, batch).await;
    let lengths: Vec<usize> = rows.iter().map(|rows| rows.len()).collect();
    assert_eq!(lengths, [1, 0, 2]);
    // An answer in the middle of a batch is as good as at its end.
    assert_eq!(rows[0].first().unwrap().integer(0), Ok(11));
    assert_eq!(rows[2].first().unwrap().text(0), Ok("one"));
    assert_eq!(balance(engine, 1).await, 11);
    // A batch of one statement is a batch.
    let rows = write(engine, [deposit(2, 2)]).await;
    assert_eq!(rows[0].first().unwrap().integer(0), Ok(22));
    assert_eq!(balance(engine, 2).await, 22);
}

pub(crate) async fn a_row_is_missing(engine: &impl Engine) {
    two_accounts(engine).await;
    let expected = StoreError::Expectation {
        index: 1,
        name: "account exists",
        got: 0,
    };
    check(engine, deposit(9, 1), expected).await;
    let alone = StoreError::Expectation {
        index: 0,
        name: "account exists",
        got: 0,
    };
    assert_eq!(refuse(engine, [deposit(9, 1)]).await, alone);
    // Where any number is welcome, none is.
    let rows = write(engine, [expecting_any(deposit(9, 1))]).await;
    assert!(rows[0].is_empty());
}

pub(crate) async fn there_are_too_many_rows(engine: &impl Engine) {
    two_accounts(engine).await;
    let all = Statement::new(
        "UPDATE accounts SET balance = balance + $1 RETURNING 1",
        [1.into()],
    );
    let expected = StoreError::Expectation {
        index: 1,
        name: "one account",
        got: 2,
    };
    check(engine, all.expecting(1, "one account"), expected).await;
}

pub(crate) async fn none_was_wanted(engine: &impl Engine) {
    two_accounts(engine).await;
    let expected = StoreError::Expectation {
        index: 1,
        name: "no such account",
        got: 1,
    };
    let none = select_balance(2).expecting(0, "no such account");
    check(engine, none, expected).await;
}

pub(crate) async fn a_query_may_expect_too(engine: &impl Engine) {
    two_accounts(engine).await;
    let query = select_balance(1).expecting(1, "account");
    assert_eq!(read(engine, query.clone()).await.len(), 1);
    let missing = select_balance(9).expecting(1, "account");
    let error = engine.read([query, missing].into()).await;
    let expected = StoreError::Expectation {
        index: 1,
        name: "account",
        got: 0,
    };
    assert_eq!(error.unwrap_err(), expected);
}

pub(crate) async fn a_unique_index_is_violated_in_the_middle(engine: &impl Engine) {
    two_accounts(engine).await;
    let expected = StoreError::Unique {
        index: 1,
        constraint: "accounts_by_name".to_owned(),
    };
    check(engine, insert_account(3, "two", 0), expected).await;
}

pub(crate) async fn a_unique_index_is_named(engine: &impl Engine) {
    two_accounts(engine).await;
    let primary = |constraint: &str| StoreError::Unique {
        index: 1,
        constraint: constraint.to_owned(),
    };
    check(
        engine,
        insert_account(1, "three", 0),
        primary("accounts_pkey"),
    )
    .await;
    write(engine, [insert_entry(1, "ten")]).await;
    // The number of an entry is the balance, which has not changed: it is taken.
    let batch = [deposit(2, 1), insert_entry(1, "ten again")];
    assert_eq!(refuse(engine, batch).await, primary("entries_pkey"));
    assert_eq!(balance(engine, 2).await, 20);
}

pub(crate) async fn a_foreign_key_is_violated(engine: &impl Engine) {
    two_accounts(engine).await;
    let sql = "INSERT INTO entries (account, number, body) VALUES ($1, $2, $3)";
    let orphan = Statement::new(sql, [id(9).into(), 1.into(), "orphan".into()]);
    check(engine, orphan, StoreError::ForeignKey { index: 1 }).await;
}

pub(crate) async fn data_is_refused(engine: &impl Engine) {
    two_accounts(engine).await;
    let sql = "UPDATE accounts SET name = $1";
    for refused in [deposit(1, -100), Statement::new(sql, [None::<i64>.into()])] {
        let batch = [deposit(2, 1), refused];
        let error = refuse(engine, batch).await;
        assert!(
            matches!(error, StoreError::Refused { index: 1, .. }),
            "{error}"
        );
    }
    assert_eq!(
        (balance(engine, 1).await, balance(engine, 2).await),
        (10, 20)
    );
}

/// Asserts that a batch with this statement in its middle is refused before it begins.
async fn check_mistake(engine: &impl Engine, mistake: Statement) -> StoreError {
    two_accounts(engine).await;
    let error = refuse(engine, [deposit(1, 1), mistake, deposit(2, 1)]).await;
    assert_eq!(
        (balance(engine, 1).await, balance(engine, 2).await),
        (10, 20)
    );
    error
}

pub(crate) async fn a_statement_that_cannot_return_rows_expects_some(engine: &impl Engine) {
    let mistake = insert_account(3, "three", 0).expecting(1, "account is written");
    let error = check_mistake(engine, mistake).await;
    assert!(
        matches!(error, StoreError::Statement { index: 1, .. }),
        "{error}"
    );
}

pub(crate) async fn an_unknown_table(engine: &impl Engine) {
    let error = check_mistake(engine, Statement::new("SELECT a FROM nowhere", [])).await;
    assert!(
        matches!(error, StoreError::Statement { index: 1, .. }),
        "{error}"
    );
    let query = Statement::new("SELEC 1", []);
    let error = engine.read(query.into()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Statement { index: 0, .. }),
        "{error}"
    );
}

pub(crate) async fn the_wrong_number_of_parameters(engine: &impl Engine) {
    two_accounts(engine).await;
    for got in [0, 1, 3] {
        let mut wrong = deposit(1, 1);
        wrong.parameters = vec![id(1).into(); got];
        let fault = ParameterFault::Count { wanted: 2, got };
        // It is the last statement: what stands before it must not have been run either.
        let expected = StoreError::Parameter { index: 2, fault };
        let batch = [deposit(1, 1), deposit(2, 1), wrong];
        assert_eq!(refuse(engine, batch).await, expected);
    }
    assert_eq!(
        (balance(engine, 1).await, balance(engine, 2).await),
        (10, 20)
    );
    let fault = ParameterFault::Count { wanted: 1, got: 0 };
    let mut query = select_balance(1);
    query.parameters.clear();
    let error = engine.read(query.into()).await.unwrap_err();
    assert_eq!(error, StoreError::Parameter { index: 0, fault });
}

pub(crate) async fn a_query_that_writes(engine: &impl Engine) {
    two_accounts(engine).await;
    for writes in [deposit(1, 1), insert_account(3, "three", 0)] {
        let to_write = engine.read_to_write(writes.clone().into()).await;
        for answer in [engine.read(writes.into()).await, to_write] {
            let error = answer.unwrap_err();
            assert!(
                matches!(error, StoreError::Statement { index: 0, .. }),
                "{error}"
            );
        }
    }
    assert_eq!((balance(engine, 1).await, accounts(engine).await), (10, 2));
}

pub(crate) async fn no_statement_at_all(engine: &impl Engine) {
    assert_eq!(write(engine, Batch::new()).await, []);
    assert_eq!(engine.read(Batch::new()).await, Ok(Vec::new()));
    assert_eq!(engine.read_to_write(Batch::new()).await, Ok(Vec::new()));
}
