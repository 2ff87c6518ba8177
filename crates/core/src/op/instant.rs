//! Instant messages: a conversation that is named by its users, and who takes
//! part in one.
//!
//! Who writes to a set of users does not ask for a conversation: it is found by
//! the set, or created with all of it joined. Its name says whose it is, `im:`
//! and a digest of the users' ids, so that a set has one conversation, whoever
//! of it wrote first and however often users change their names. So the members
//! stay as they are: nobody is invited, joins or leaves, and nobody but the
//! application ends it for all.
//!
//! # Invariants
//! - No other conversation has such a name, in whatever case its letters are.
//! - No visitor is a member. So no merge moves a place in one, and the name does
//!   not come to lie.
//! - A user who is deleted goes, and whoever remains has the history. The set
//!   without them, or with another user of their name, is another one.

use super::conversations::view_for;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, ConversationId, MemberId, UserId};
use crate::limit;
use crate::model::conversation::Conversation;
use crate::model::event::Author;
use crate::model::member::{Member, MemberState};
use crate::model::user::{Identifier, User};
use crate::ports::change::{Change, Expectation, Guard, NewConversation, NewMember};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;
use crate::secret_text::sha256;
use countersign_credential::subject::UserName;

/// What the name of such a conversation begins with.
const PREFIX: &str = "im:";
/// RFC 4648 section 6, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The conversation of a set of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instant {
    /// It is there.
    Of {
        /// The conversation.
        conversation: ConversationId,
        /// Its users, without the one who asks: each once, in the order of the
        /// names.
        others: Vec<User>,
    },
    /// Some names are nobody's, and nothing was created.
    Unknown {
        /// The users who were found, as above.
        found: Vec<User>,
        /// The names of nobody, as they were asked for.
        unknown: Vec<String>,
    },
}

/// Finds the conversation of who asks and of everybody who is named, or creates
/// it. A name is a user's, or its id, which is what others know a user by who has
/// no name. Nobody but who asks is a conversation too: it keeps notes.
///
/// A user who is blocked takes part; what is sent to them waits. A visitor has
/// no name and is not written to.
///
/// # Errors
/// `not_permitted` for who is no user; `bad_request` for too many names.
pub async fn instant_conversation(
    ctx: &Ctx,
    principal: &Principal,
    names: &[String],
) -> Result<Instant, Error> {
    let permit = authorize(principal, &Action::InstantConversation)?.outright()?;
    let Some(user) = principal.user() else {
        return Err(Error::new(
            Code::NotPermitted,
            "a backend has no part in a conversation",
        ));
    };
    if names.len() > limit::INSTANT_RECIPIENTS_MAX {
        return Err(Error::new(
            Code::BadRequest,
            format!(
                "one may write to at most {} users at once",
                limit::INSTANT_RECIPIENTS_MAX
            ),
        ));
    }
    let application = permit.application();
    for _ in 0..limit::PLANS_MAX {
        let (found, unknown) = users(ctx, application, names).await?;
        let others: Vec<User> = distinct(found, user);
        if !unknown.is_empty() {
            return Ok(Instant::Unknown {
                found: others,
                unknown,
            });
        }
        let name = name_of(user, &others);
        let known = ctx.store.conversation_named(application, &name).await?;
        let conversation = match known {
            Some(conversation) => Some(conversation),
            None => create(ctx, principal, &permit, (user, &others), name).await?,
        };
        if let Some(conversation) = conversation {
            return Ok(Instant::Of {
                conversation,
                others,
            });
        }
    }
    Err(CommitError::Missed(Expectation::ConversationNameFree).into())
}

/// The users of these names, and the names that are nobody's.
async fn users(
    ctx: &Ctx,
    application: ApplicationId,
    names: &[String],
) -> Result<(Vec<User>, Vec<String>), Error> {
    let identifiers: Vec<Option<Identifier>> = names.iter().map(|name| identifier(name)).collect();
    let asked: Vec<Identifier> = identifiers.iter().flatten().cloned().collect();
    let mut answers = if asked.is_empty() {
        Vec::new()
    } else {
        ctx.store.users_of(application, asked).await?
    }
    .into_iter();
    let (mut found, mut unknown) = (Vec::with_capacity(names.len()), Vec::new());
    for (name, identifier) in names.iter().zip(identifiers) {
        let user = identifier.and_then(|_| answers.next().flatten());
        match user.filter(|user| !user.anonymous) {
            Some(user) => found.push(user),
            None => unknown.push(name.clone()),
        }
    }
    Ok((found, unknown))
}

/// What a name could be. No name of a user looks like an id.
fn identifier(name: &str) -> Option<Identifier> {
    if let Ok(id) = name.parse() {
        return Some(Identifier::Id(id));
    }
    UserName::parse(name).ok().map(Identifier::Name)
}

/// Each user once, without one of them.
fn distinct(users: Vec<User>, without: UserId) -> Vec<User> {
    let mut distinct: Vec<User> = Vec::with_capacity(users.len());
    for user in users {
        if user.id != without && distinct.iter().all(|other| other.id != user.id) {
            distinct.push(user);
        }
    }
    distinct
}

/// Creates the conversation with all its members. `None` where another of them
/// was faster, or somebody has gone, so that it must be looked for again.
async fn create(
    ctx: &Ctx,
    principal: &Principal,
    permit: &Permit,
    (user, others): (UserId, &[User]),
    name: String,
) -> Result<Option<ConversationId>, Error> {
    let now = ctx.now();
    let id = ConversationId::new(now, &*ctx.random);
    let new = NewConversation {
        conversation: Conversation {
            id,
            name: Some(name),
            display_name: None,
            image_url: None,
            custom_data: None,
            creator: None,
            last_event_id: 0,
            created_at: now,
            updated_at: now,
        },
        author: Author::User(user),
        creator: Some(MemberId::new(now, &*ctx.random)),
        assurance: principal.assurance(),
        client_id: None,
        open_max: None,
    };
    let mut changes = vec![Change::AddConversation(Box::new(new))];
    changes.extend(others.iter().map(|other| {
        Change::AddMember(Box::new(NewMember {
            conversation: id,
            member: MemberId::new(now, &*ctx.random),
            user: other.id,
            state: MemberState::Joined,
            author: Author::User(user),
            guard: Guard::Joined(user),
            assurance: principal.assurance(),
            at: now,
        }))
    }));
    match ctx.store.commit(permit, changes).await {
        Ok(_) => {}
        Err(CommitError::Missed(Expectation::ConversationNameFree | Expectation::User)) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    let application = permit.application();
    // Nobody follows it yet: these notices begin that, with the events so far.
    for user in std::iter::once(user).chain(others.iter().map(|other| other.id)) {
        ctx.publish(Notice::Conversations { application, user });
    }
    Ok(Some(id))
}

/// Who takes part in a conversation of whatever kind: the asker first, then the
/// others who are joined, the longest first, as many as one may write to.
///
/// # Errors
/// `not_found` where who asks is not joined.
pub async fn participants(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<Vec<Member>, Error> {
    let conditional = authorize(principal, &Action::ListMembers(conversation))?;
    let application = conditional.application();
    let (view, _) = view_for(ctx, principal, conditional, conversation).await?;
    let own = view
        .member
        .filter(|member| member.state == MemberState::Joined)
        .ok_or_else(|| Error::not_found("conversation"))?;
    let most = limit::INSTANT_RECIPIENTS_MAX + 1;
    let joined = ctx
        .store
        .joined_members(application, conversation, most)
        .await?;
    let others = joined.into_iter().filter(|member| member.id != own.id);
    let mut participants = vec![own.clone()];
    participants.extend(others.take(limit::INSTANT_RECIPIENTS_MAX));
    Ok(participants)
}

/// Whether a conversation is of a set of users.
fn is_instant(conversation: &Conversation) -> bool {
    let name = conversation.name.as_deref();
    name.is_some_and(|name| name.starts_with(PREFIX))
}

/// Refuses to change who takes part in such a conversation, or whose it is.
pub(super) fn check_members_change(conversation: &Conversation) -> Result<(), Error> {
    if !is_instant(conversation) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotPermitted,
        "this conversation's members are its set of users, and stay as they are",
    )
    .hint("create another conversation for other users"))
}

/// Refuses to give such a conversation another name.
pub(super) fn check_rename(conversation: &Conversation) -> Result<(), Error> {
    if !is_instant(conversation) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotPermitted,
        "this conversation's name is that of its set of users, and stays as it is",
    )
    .hint("change its display name instead"))
}

/// Refuses to delete such a conversation for all, to whom it is not its own.
pub(super) fn check_deletion(
    principal: &Principal,
    conversation: &Conversation,
) -> Result<(), Error> {
    if principal.user().is_none() || !is_instant(conversation) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotPermitted,
        "this conversation is its users' alike, and only a backend may delete it",
    ))
}

/// Refuses a name that would look like one of a set of users.
pub(super) fn check_name(name: Option<&str>) -> Result<(), Error> {
    let head = name.and_then(|name| name.get(..PREFIX.len()));
    if !head.is_some_and(|head| head.eq_ignore_ascii_case(PREFIX)) {
        return Ok(());
    }
    Err(Error::new(
        Code::BadRequest,
        format!("a name that begins with {PREFIX} is given by the server alone"),
    )
    .hint("choose another name"))
}

/// The name of the conversation of these users.
fn name_of(user: UserId, others: &[User]) -> String {
    let mut ids: Vec<[u8; 16]> = others.iter().map(|other| other.id.bytes()).collect();
    ids.push(user.bytes());
    ids.sort_unstable();
    format!("{PREFIX}{}", base32(&sha256(&ids.concat())))
}

/// Base32 without padding (RFC 4648 section 6).
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(5));
    for group in bytes.chunks(5) {
        let mut padded = [0; 8];
        padded[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(padded);
        for place in 0..(group.len() * 8).div_ceil(5) {
            let letter = (bits >> (35 - 5 * place)) & 31;
            text.push(char::from(BASE32[letter as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_the_rfc() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), expected);
        }
    }

    fn user(byte: u8) -> User {
        User::new(
            UserId::from_bytes([byte; 16]),
            countersign_credential::time::Timestamp::from_milliseconds(0),
        )
    }

    /// The digest was computed by other means: `sha256sum` and `base32`.
    #[test]
    fn a_set_has_one_name_whoever_asks() {
        let [a, b, c] = [user(1), user(2), user(3)];
        let name = name_of(a.id, &[b.clone(), c.clone()]);
        assert_eq!(
            name,
            "im:d6rezbgbb4nlkunif5zgac4c5pksqkowk6pbha6v6nabopjrcx6a"
        );
        assert_eq!(name, name_of(c.id, &[b.clone(), a.clone()]));
        assert_eq!(name, name_of(b.id, &[a.clone(), c.clone()]));
        assert_ne!(name, name_of(a.id, std::slice::from_ref(&b)));
        assert_ne!(name_of(a.id, &[]), name_of(b.id, &[]));
        let of_two = distinct(vec![a.clone(), b.clone(), b.clone(), a.clone()], a.id);
        assert_eq!(of_two, [b]);
    }

    #[test]
    fn a_name_that_looks_like_it_is_refused() {
        for name in ["im:", "im:x", "IM:x", "iM:", "Im:é"] {
            assert_eq!(check_name(Some(name)).unwrap_err().code, Code::BadRequest);
        }
        for name in ["", "im", "imx:", " im:", "i", "é:", "ﬁm:", "room im:x"] {
            assert!(check_name(Some(name)).is_ok(), "{name}");
        }
        assert!(check_name(None).is_ok());
    }
}
