//! Rows to the domain's nouns: each noun's columns, in one order, beside what reads them.

use crate::change::author_of;
use crate::engine::Value;
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::{ApiKeyId, DeviceId, MemberId, SessionId, UserId};
use countersign_core::model::conversation::Creator;
use countersign_core::model::event::Author;
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::person::Names;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::session::{EndReason, Ended, Session, SessionCredential, Timeouts};
use countersign_core::model::user::User;
use countersign_core::ports::store::dialect_name;
use countersign_credential::acl::Acl;
use countersign_credential::dialect::Dialect;
use countersign_credential::json;
use countersign_credential::key::Kid;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;

/// The columns of a user, of the table's alias `u`, as [`user`] reads them.
macro_rules! user_columns {
    () => {
        "u.id, u.name, u.external_id, u.email, u.display_name, u.image_url, u.custom_data, \
         u.described, u.anonymous, u.blocked, u.created_at"
    };
}
pub(crate) use user_columns;

/// The columns of a session, of the table's alias `s`, as [`session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.device_id, s.device_name, s.api_key_id, s.dialect, s.kid, s.jti, \
         s.digest, s.one_time_id, s.credential_issued_at, s.credential_expires_at, s.acl, \
         s.generation, s.nonce_digest, s.rotated_at, s.expires_at, s.ended_at, s.ended_why"
    };
}
pub(crate) use session_columns;

/// Whether a revocation covers a session, of the table's alias `s`: by session, jti, digest, kid
/// and API key for ever, by user and application where it was opened up to the moment. The
/// numbers are those of the domain's kinds.
macro_rules! covers_session {
    () => {
        "(EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 1 AND r.value = s.id) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 2 AND r.value = s.jti) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 3 AND r.value = s.digest) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 4 AND r.value = s.kid) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 5 AND r.value = s.api_key_id) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 6 AND r.value = s.user_id AND r.before_at >= s.opened_at) \
         OR EXISTS (SELECT 1 FROM revocations r WHERE r.application_id = s.application_id \
           AND r.kind = 10 AND r.value = s.application_id AND r.before_at >= s.opened_at))"
    };
}
pub(crate) use covers_session;

/// Whether a session, of the table's alias `s`, is not over by time. The parameters are those of
/// [`timeouts_of`].
macro_rules! in_time {
    ($end:literal, $idle_since:literal, $visitor_idle_since:literal) => {
        concat!(
            "s.expires_at > ",
            $end,
            " AND (s.dialect <> 'anonymous' AND s.rotated_at > ",
            $idle_since,
            " OR s.dialect = 'anonymous' AND s.rotated_at > ",
            $visitor_idle_since,
            ")"
        )
    };
}
pub(crate) use in_time;

/// Whether nobody without a place, a backend, has written in the conversation of the table's alias
/// `c`.
macro_rules! only_members_wrote {
    () => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM events e WHERE ",
            $crate::event_key::is_of!("e", "c"),
            " AND e.counted = 1 AND NOT EXISTS (SELECT 1 FROM members w \
               WHERE w.application_id = c.application_id AND w.conversation_id = c.id \
               AND w.id = e.author_id))"
        )
    };
}
pub(crate) use only_members_wrote;

/// Whether nobody but a user ever had a place, or wrote, in the conversation of the table's alias
/// `c`.
macro_rules! is_alone {
    ($user:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM members o WHERE o.application_id = c.application_id \
               AND o.conversation_id = c.id AND o.user_id <> ",
            $user,
            ") AND ",
            $crate::columns::only_members_wrote!()
        )
    };
}
pub(crate) use is_alone;

/// The columns of a member, of the aliases `m` and, for its user, `u`, as [`member`] reads them.
macro_rules! member_columns {
    () => {
        "m.id, m.user_id, u.display_name, u.name, u.anonymous, m.state, m.delivered, m.seen, \
         m.changed_at, m.invited_at, m.joined_at, m.left_at, m.invited_by"
    };
}
pub(crate) use member_columns;

/// A row that is read from left to right.
pub(crate) struct Columns<'a> {
    row: Row<'a>,
    next: usize,
}

// === impl Columns ===

impl<'a> Columns<'a> {
    /// Begins at the first column.
    pub(crate) fn of(row: Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, by what reads it.
    pub(crate) fn next<T>(
        &mut self,
        read: impl FnOnce(&Row<'a>, usize) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let column = self.next;
        self.next += 1;
        read(&self.row, column)
    }

    /// The next column, where it is not NULL.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&Row<'a>, usize) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.next(|row, column| row.optional(column, read))
    }

    /// The next column, a text.
    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        self.next(Row::text)
    }

    /// The next column, a text or NULL.
    pub(crate) fn optional_text(&mut self) -> Result<Option<&'a str>, StoreError> {
        self.optional(Row::text)
    }

    /// The next column, an id.
    pub(crate) fn id(&mut self) -> Result<[u8; 16], StoreError> {
        self.next(Row::id)
    }

    /// The next column, a flag.
    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        self.next(Row::flag)
    }

    /// The next column, a number that is not negative.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        self.next(number)
    }

    /// The next column, a time.
    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.next(time)
    }

    /// The next column, a time or NULL.
    pub(crate) fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.optional(time)
    }

    /// The next column, a text of which `read` makes something.
    pub(crate) fn parsed<T>(
        &mut self,
        wanted: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, StoreError> {
        self.next(|row, column| row.parsed(column, wanted, read))
    }

    /// The same, where the column is not NULL.
    pub(crate) fn optional_parsed<T>(
        &mut self,
        wanted: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.optional(|row, column| row.parsed(column, wanted, read))
    }

    fn missing(&self, wanted: &'static str) -> StoreError {
        StoreError::Decode {
            row: 0,
            column: self.next,
            wanted,
            found: "a part of one",
        }
    }
}

/// A user.
pub(crate) fn user(columns: &mut Columns<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_bytes(columns.id()?),
        name: columns.optional_parsed("a user's name", |text| UserName::parse(text).ok())?,
        external_id: columns
            .optional_parsed("an external id", |text| ExternalId::parse(text).ok())?,
        email: columns.optional_parsed("an e-mail address", |text| Email::parse(text).ok())?,
        display_name: columns.optional_text()?.map(str::to_owned),
        image_url: columns.optional_text()?.map(str::to_owned),
        custom_data: columns.optional_text()?.map(str::to_owned),
        described: columns.optional_text()?.map(str::to_owned),
        anonymous: columns.flag()?,
        blocked: columns.flag()?,
        created_at: columns.time()?,
    })
}

/// A session.
pub(crate) fn session(columns: &mut Columns<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        device: DeviceId::from_bytes(columns.id()?),
        device_name: columns.optional_text()?.map(str::to_owned),
        api_key: columns.optional(Row::id)?.map(ApiKeyId::from_bytes),
        credential: credential(columns)?,
        generation: columns.number()?,
        nonce_digest: columns.optional(digest)?,
        rotated_at: columns.time()?,
        expires_at: columns.time()?,
        ended: ended(columns)?,
    })
}

fn credential(columns: &mut Columns<'_>) -> Result<Option<SessionCredential>, StoreError> {
    let dialect = columns.parsed("a dialect", |name| match Dialect::from_name(name) {
        Some(dialect) => Some(Some(dialect)),
        None => (name == dialect_name(None)).then_some(None),
    })?;
    let kid = columns.optional(utf8)?;
    let jti = columns.optional(digest)?;
    let digest_of_bytes = columns.optional(digest)?;
    let one_time_id = columns.optional(digest)?;
    let issued_at = columns.optional_time()?;
    let expires_at = columns.optional_time()?;
    let acl = columns.optional_parsed("an ACL", acl_of_text)?;
    let Some(dialect) = dialect else {
        return Ok(None);
    };
    // Of a row that names a dialect the others are there, or the row is none of ours.
    let (Some(kid), Some(digest), Some(issued_at), Some(expires_at)) = (
        kid.and_then(|kid| Kid::parse(kid).ok()),
        digest_of_bytes,
        issued_at,
        expires_at,
    ) else {
        return Err(columns.missing("a whole credential"));
    };
    Ok(Some(SessionCredential {
        dialect,
        kid,
        jti: jti.map(Pseudonym::from_bytes),
        digest,
        one_time_id,
        issued_at,
        expires_at,
        acl,
    }))
}

fn ended(columns: &mut Columns<'_>) -> Result<Option<Ended>, StoreError> {
    let at = columns.optional_time()?;
    let why = columns.optional_parsed("why a session ended", EndReason::from_name)?;
    Ok(at.zip(why).map(|(at, why)| Ended { at, why }))
}

/// A member, with its user's names.
pub(crate) fn member(columns: &mut Columns<'_>) -> Result<Member, StoreError> {
    Ok(Member {
        id: MemberId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        names: names(columns)?,
        state: columns.parsed("a member's state", MemberState::from_name)?,
        delivered: columns.number()?,
        seen: columns.number()?,
        changed_at: columns.time()?,
        invited_at: columns.optional_time()?,
        joined_at: columns.optional_time()?,
        left_at: columns.optional_time()?,
        invited_by: columns.optional(Row::id)?.map(MemberId::from_bytes),
    })
}

/// Who created a conversation, of the columns `author` and `creator_member_id`.
pub(crate) fn creator(columns: &mut Columns<'_>) -> Result<Option<Creator>, StoreError> {
    let author = columns.next(Row::blob)?;
    let place = columns.optional(Row::id)?.map(MemberId::from_bytes);
    let by_place = place.map(Creator::Member);
    let by_author = match author_of(author) {
        Some(Author::User(id)) => Some(Creator::User(id)),
        Some(Author::Member(_) | Author::ApiKey(_) | Author::Backend) | None => None,
    };
    Ok(by_place.or(by_author))
}

/// Who stored something, of the column `author`.
pub(crate) fn author(columns: &mut Columns<'_>) -> Result<Author, StoreError> {
    let bytes = columns.next(Row::blob)?;
    author_of(bytes).ok_or_else(|| columns.missing("an author"))
}

/// The names of a user, of the three columns `display_name`, `name` and `anonymous`.
pub(crate) fn names(columns: &mut Columns<'_>) -> Result<Names, StoreError> {
    Ok(Names {
        display_name: columns.optional_text()?.map(str::to_owned),
        name: columns.optional_text()?.map(str::to_owned),
        anonymous: columns.flag()?,
    })
}

/// An ACL, of the text that it was stored as.
pub(crate) fn acl_of_text(text: &str) -> Option<Acl> {
    let value = json::read(text.as_bytes()).ok()?;
    Acl::from_json(&value).ok()
}

/// The parameters of [`in_time`], in its order.
pub(crate) fn timeouts_of(timeouts: Timeouts) -> [Value; 3] {
    [
        timeouts.end.milliseconds().into(),
        timeouts.idle_since.milliseconds().into(),
        timeouts.visitor_idle_since.milliseconds().into(),
    ]
}

/// A number of the domain as the store keeps it. None comes near the bound.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, StoreError> {
    row.integer(column).map(Timestamp::from_milliseconds)
}

fn number<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    T::try_from(row.integer(column)?).map_err(|_| StoreError::Decode {
        row: 0,
        column,
        wanted: "a number in its bounds",
        found: "one out of them",
    })
}

/// 32 bytes, as digests are stored.
pub(crate) fn digest(row: &Row<'_>, column: usize) -> Result<[u8; 32], StoreError> {
    row.blob(column)?
        .try_into()
        .map_err(|_| StoreError::Decode {
            row: 0,
            column,
            wanted: "32 bytes",
            found: "a blob",
        })
}

fn utf8<'a>(row: &Row<'a>, column: usize) -> Result<&'a str, StoreError> {
    std::str::from_utf8(row.blob(column)?).map_err(|_| StoreError::Decode {
        row: 0,
        column,
        wanted: "the bytes of a text",
        found: "a blob",
    })
}
