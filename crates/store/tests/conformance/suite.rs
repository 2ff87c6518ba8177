//! The cases that every engine is given.

pub(crate) mod concurrency;
pub(crate) mod expectation;
pub(crate) mod value;

/// Gives all cases to an engine, each with a database of its own. `$open` is a future of something
/// that has `engine()` and `close()`.
macro_rules! suite {
    ($open:expr) => {
        $crate::suite::suite! { $open,
            expectation: [
                all_hold,
                a_row_is_missing,
                there_are_too_many_rows,
                none_was_wanted,
                a_query_may_expect_too,
                a_unique_index_is_violated_in_the_middle,
                a_unique_index_is_named,
                a_foreign_key_is_violated,
                data_is_refused,
                a_statement_that_cannot_return_rows_expects_some,
                an_unknown_table,
                the_wrong_number_of_parameters,
                a_query_that_writes,
                no_statement_at_all,
            ],
            value: [
                come_back_as_they_were,
                null_characters_are_refused,
                ids_sort_by_their_bytes,
                texts_sort_by_their_bytes,
                answers_have_a_limit,
                batches_have_a_limit,
            ],
            concurrency: [
                statements_run_in_order,
                what_was_acknowledged_is_read,
                queries_of_one_read_see_one_moment,
                the_engine_answers,
                no_write_is_lost,
                a_failing_batch_harms_no_other,
                a_dropped_caller_leaves_whole_batches,
            ],
        }
    };
    ($open:expr, $($module:ident: [$($case:ident),* $(,)?],)*) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $case() {
                let opened = $open.await;
                $crate::suite::$module::$case(opened.engine()).await;
                opened.close().await;
            })*
        })*
    };
}
pub(crate) use suite;
