//! The cases that every store is given.

pub(crate) mod adoption;
pub(crate) mod application;
pub(crate) mod audit;
pub(crate) mod concurrency;
pub(crate) mod conversation;
pub(crate) mod erasure;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod login;
pub(crate) mod member;
pub(crate) mod scope;
pub(crate) mod session;
pub(crate) mod upkeep;
pub(crate) mod user;

/// Gives all cases to a store, each with one of its own. `$open` is a future of a world, and of
/// what has to be kept as long as it.
macro_rules! suite {
    ($open:expr) => {
        $crate::suite::suite! { $open,
            user: [
                is_found_by_each_identifier,
                identifiers_are_unique,
                changes_what_the_patch_names,
                a_deleted_one_is_found_by_nothing,
                pages_have_each_once,
                sharing_a_conversation,
                a_password_is_set_replaced_and_taken_away,
                each_is_found_in_its_place,
            ],
            session: [
                comes_back_as_it_was,
                a_credential_opens_one,
                nobody_blocked_or_deleted_gets_in,
                rotation_tells_generation_from_end,
                a_rotation_can_bring_a_credential,
                ends_once,
                a_visitor_is_kept_once_and_ended_for_good,
                ending_the_others,
                ending_what_a_key_opened,
                devices_are_named_and_listed,
                pages_have_the_newest_first,
                what_covers_it,
                a_revocation_moves_ahead_only,
                digests_of_later_credentials,
                what_is_over_by_time_is_in_no_list,
                ends_are_counted,
            ],
            login: [
                everything_is_read_at_once,
                nothing_is_there,
                revocations_cover_a_credential,
                a_visitors_conversations,
                what_few_conversations_its_user_follows_comes_with_a_session,
                a_try_opens_a_session_of_whomever_the_identifier_names,
                a_try_comes_to_nothing_where_something_is_against_it,
                a_try_goes_by_every_target_and_up_to_its_moment,
            ],
            conversation: [
                its_creator_is_joined,
                its_creator_can_enter_later,
                a_backends_has_no_member,
                its_name_and_client_id_are_unique,
                it_begins_with_all_its_members_or_not_at_all,
                a_visitor_has_room_for_some,
                changes_and_is_deleted_with_all,
                pages_have_what_changed_last_first_or_all_by_age,
                lists_of_a_user_are_by_age,
                pages_by_age_are_of_some_ages,
                unread_are_others_messages,
                unread_are_looked_for_among_the_newest_ten_thousand,
            ],
            member: [
                is_added_with_an_event,
                joined_ones_are_found_the_oldest_first,
                a_place_is_the_one_that_is_not_left,
                needs_a_place_a_user_and_a_joined_author,
                there_is_room_for_so_many,
                moves_from_state_to_state,
                tells_when_it_went_where,
                tells_why_it_went_out,
                positions_move_ahead_only,
                who_comes_back_is_a_new_member,
            ],
            erasure: [
                takes_all_of_a_person_and_nothing_of_others,
                takes_the_visitors_that_a_user_was,
                who_is_deleted_is_erased_still,
                takes_what_nobody_else_has_seen,
            ],
            event: [
                has_its_sender,
                a_backend_sends_for_a_joined_member,
                shows_who_and_whom_it_tells_of,
                names_everyone_of_many,
                needs_a_joined_author,
                a_client_id_is_used_once,
                is_edited_and_deleted_by_its_author,
                deletion_blanks_edits,
                ranges,
                no_number_reaches_another_conversation,
                pages_by_number_and_kind,
                a_batch_on_several_conversations,
            ],
            file: [
                waits_for_the_event_that_names_it,
                goes_with_its_event,
                waits_within_limits,
                goes_with_its_user,
                goes_once_it_has_waited_too_long,
            ],
            adoption: [
                a_place_moves,
                a_place_is_merged,
                an_invited_user_comes_in,
                is_done_once,
                of_no_place,
                none_is_left_behind,
            ],
            application: [
                comes_back_with_its_keys,
                names_stand_for_one,
                settings_are_replaced,
                the_ring_keeps_its_rules,
                signing_keys_expect,
                api_keys,
                key_uses,
                operator_keys,
                attachments_have_a_quota,
                attachments_are_of_who_is_joined,
                is_deleted_with_everything,
                epoch_and_ping,
            ],
            audit: [
                is_read_in_both_orders,
                counts_each_entry_of_a_batch,
                numbers_have_no_holes,
                is_sealed_once_and_in_order,
                details_of_a_user_are_erased,
                begins_anew_with_its_application,
            ],
            upkeep: [
                revocations_since_a_moment,
                a_deleted_conversation_goes_in_pieces,
                what_is_left_of_a_conversation_is_no_others,
                old_tombstones_go,
                sessions_are_looked_at_in_pages,
                a_session_goes_as_it_was_read,
                a_visitors_session_leaves_a_revocation,
                a_silent_visitor_goes_with_what_is_theirs_alone,
                who_is_not_silent_stays,
            ],
            scope: [
                two_applications_do_not_see_each_other,
            ],
            concurrency: [
                twenty_first_logins_are_one_user,
                two_adoptions_are_one,
                fifty_rotations_have_one_winner,
                events_have_no_holes,
                a_removal_meets_an_upload,
            ],
        }
    };
    ($open:expr, $($module:ident: [$($case:ident),* $(,)?],)*) => {
        $(mod $module {
            $(#[tokio::test]
            async fn $case() {
                let (world, _kept) = $open.await;
                $crate::suite::$module::$case(std::sync::Arc::new(world)).await;
            })*
        })*
    };
}
pub(crate) use suite;
