//! Many callers at once, callers that go away, and what each may rely on.

use crate::schema::*;
use countersign_store::{Batch, Engine, StoreError};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Polls a future once, as a runtime would on its first turn.
pub(crate) fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs futures at once on this task, and answers in their order.
pub(crate) async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in waiting.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

pub(crate) async fn statements_run_in_order(engine: &impl Engine) {
    let batch: Vec<_> = std::iter::once(insert_account(1, "one", 0))
        .chain((0..20).flat_map(|turn| [deposit(1, 1), insert_entry(1, format!("turn {turn}"))]))
        .collect();
    let rows = write(engine, batch).await;
    let numbers: Vec<i64> = rows[1..]
        .iter()
        .map(|rows| rows.first().unwrap().integer(0).unwrap())
        .collect();
    let expected: Vec<i64> = (1..=20).flat_map(|number| [number, number]).collect();
    assert_eq!(numbers, expected);
    // So do batches that one caller queues one after the other.
    let batches = (0..20).map(|_| engine.write([deposit(1, 1)].into()));
    let balances = all(batches).await;
    let balances: Vec<i64> = balances
        .iter()
        .map(|rows| {
            rows.as_ref().unwrap()[0]
                .first()
                .unwrap()
                .integer(0)
                .unwrap()
        })
        .collect();
    assert_eq!(balances, (21..=40).collect::<Vec<i64>>());
}

pub(crate) async fn what_was_acknowledged_is_read(engine: &impl Engine) {
    write(engine, [insert_account(1, "one", 0)]).await;
    for expected in 1..=200 {
        write(engine, [deposit(1, 1)]).await;
        assert_eq!(balance(engine, 1).await, expected);
        let rows = engine.read_to_write(select_balance(1).into()).await;
        let row = rows.unwrap().remove(0);
        assert_eq!(row.first().unwrap().integer(0), Ok(expected));
    }
}

/// Writers move an amount between two accounts, and no reader ever sees it in both or in neither.
pub(crate) async fn queries_of_one_read_see_one_moment(engine: &impl Engine) {
    const TURNS: usize = 300;
    let accounts = [insert_account(1, "one", 1000), insert_account(2, "two", 0)];
    write(engine, accounts).await;
    let written = std::cell::Cell::new(false);
    let writing = async {
        for _ in 0..TURNS {
            write(engine, [deposit(1, -1), deposit(2, 1)]).await;
        }
        written.set(true);
        0
    };
    // Reads as long as there is writing, and once more: the last moment is never the first.
    let reading = async {
        let mut moments = std::collections::HashSet::from([1000]);
        let (mut last, mut to_write) = (false, false);
        while !last {
            last = written.get();
            let queries = [select_balance(1), select_balance(2), select_balance(1)];
            to_write = !to_write;
            let rows = if to_write {
                engine.read_to_write(queries.into()).await.unwrap()
            } else {
                engine.read(queries.into()).await.unwrap()
            };
            let balances: Vec<i64> = rows
                .iter()
                .map(|rows| rows.first().unwrap().integer(0).unwrap())
                .collect();
            assert_eq!(balances[0] + balances[1], 1000);
            assert_eq!(balances[0], balances[2]);
            moments.insert(balances[0]);
        }
        moments.len()
    };
    let both: Vec<std::pin::Pin<Box<dyn Future<Output = usize> + '_>>> =
        vec![Box::pin(writing), Box::pin(reading)];
    let moments = all(both).await[1];
    assert!(
        moments > 1,
        "the last read saw what was there before the first write"
    );
}

pub(crate) async fn the_engine_answers(engine: &impl Engine) {
    assert_eq!(engine.ping().await, Ok(()));
}

/// 64 writers, each of which waits for one batch before it sends the next of its fifty.
pub(crate) async fn no_write_is_lost(engine: &impl Engine) {
    const WRITERS: u8 = 64;
    const BATCHES: i64 = 50;
    write(engine, [insert_account(255, "all", 0)]).await;
    let writers = (0..WRITERS).map(|writer| async move {
        write(engine, [insert_account(writer, &writer.to_string(), 0)]).await;
        for turn in 1..=BATCHES {
            let batch = [
                deposit(writer, 1),
                deposit(255, 1),
                insert_entry(writer, "turn"),
            ];
            let rows = write(engine, batch).await;
            assert_eq!(rows[2].first().unwrap().integer(0), Ok(turn));
        }
    });
    all(writers).await;
    assert_eq!(balance(engine, 255).await, i64::from(WRITERS) * BATCHES);
    for writer in 0..WRITERS {
        assert_eq!(entries(engine, writer).await, BATCHES);
    }
}

pub(crate) async fn a_failing_batch_harms_no_other(engine: &impl Engine) {
    write(engine, [insert_account(1, "one", 0)]).await;
    let batches = (0..200_u8).map(|number| {
        let last = match number % 4 {
            0 => deposit(1, 1),
            1 => deposit(9, 1),
            2 => insert_account(1, "taken", 0),
            _ => deposit(1, -1_000_000),
        };
        engine.write([deposit(1, 1), last].into())
    });
    let results = all(batches).await;
    for (number, result) in results.iter().enumerate() {
        let as_expected = match number % 4 {
            0 => result.is_ok(),
            1 => matches!(result, Err(StoreError::Expectation { index: 1, .. })),
            2 => matches!(result, Err(StoreError::Unique { index: 1, .. })),
            _ => matches!(result, Err(StoreError::Refused { index: 1, .. })),
        };
        assert!(as_expected, "batch {number}: {result:?}");
    }
    assert_eq!(balance(engine, 1).await, 2 * 50);
}

pub(crate) async fn a_dropped_caller_leaves_whole_batches(engine: &impl Engine) {
    const CALLERS: i64 = 100;
    write(engine, [insert_account(1, "one", 0)]).await;
    let mut done = 0;
    for turn in 0..CALLERS {
        let batch: Batch = [deposit(1, 1), insert_entry(1, "dropped"), deposit(1, 1)].into();
        let mut waiting = pin!(engine.write(batch));
        // Some are dropped at once, some while another query is answered, some when they are done.
        for _ in 0..turn % 3 {
            if poll_once(waiting.as_mut()).is_ready() {
                done += 1;
                break;
            }
            engine.ping().await.unwrap();
        }
    }
    // A write is answered after all that was queued before it.
    write(engine, [deposit(1, 0)]).await;
    let (balance, entries) = (balance(engine, 1).await, entries(engine, 1).await);
    assert_eq!(balance, 2 * entries, "half a batch was done");
    assert!((done..=CALLERS).contains(&entries));
}
