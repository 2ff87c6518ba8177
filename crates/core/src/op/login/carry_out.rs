//! From a plan to one batch, and to the notices that follow it.

use std::sync::Arc;

use countersign_credential::time::Timestamp;

use super::LoggedIn;
use super::attempt::{Attempt, Outcome, api_key};
use crate::error::Error;
use crate::id::{DeviceId, SessionId, UserId};
use crate::link::{Conversations, Plan, SessionPlan};
use crate::memory::Mark;
use crate::model::audit::{Actor, AuditEntry, Details};
use crate::model::pseudonym::Pseudonym;
use crate::model::revocation::{Kind, Revocation, Target};
use crate::model::session::{EndReason, Session, SessionCredential, SessionIdentity};
use crate::model::user::{Identifier, User};
use crate::op::answer::LoginAnswer;
use crate::op::audit::entry;
use crate::op::managed_users::ByPassword;
use crate::op::sessions::tombstone;
use crate::op::visitor::visitor;
use crate::ports::change::{Change, Committed, PasswordChange, Rotation, SessionEnd};
use crate::ports::fanout::Notice;
use crate::ports::store::{CommitError, LoginView, SessionView};

const DAY_S: i64 = 86_400;

impl Attempt<'_> {
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        view: &LoginView,
        mark: Mark,
    ) -> Result<Outcome, Error> {
        let user = view.user.clone().unwrap_or_else(|| self.new_user());
        let mut changes = vec![self.expect_uncovered(user.id)];
        changes.extend(self.expect_password());
        if plan.create_user {
            changes.push(Change::AddUser(user.clone()));
        }
        if self.outdone(view).is_some() {
            changes.extend(self.take_password(user.id));
        }
        let (session, went_on) = match &plan.session {
            SessionPlan::GoOn { session, from } => {
                (self.go_on(*session, *from, view, &mut changes)?, true)
            }
            SessionPlan::Open { end, conversations } => (
                self.open(&user, end.as_ref(), conversations, view, &mut changes),
                false,
            ),
        };
        if plan.opens_alone() {
            changes.extend(self.list_followed(session.id));
        }
        if let Some(other) = plan.conflict_with {
            changes.push(Change::Audit(self.audit_conflict(user.id, other)));
        }
        match self.ctx.store.commit(&self.permit, changes).await {
            Ok(committed) => {
                self.publish(plan, &session, &user, view, &committed);
                if !went_on {
                    self.remember(mark, &session, &user);
                }
                let answer = LoginAnswer {
                    followed: committed.followed,
                    ..self.answer(session, user)
                };
                let outcome = if went_on {
                    LoggedIn::WentOn(answer)
                } else {
                    LoggedIn::Opened(answer)
                };
                Ok(Outcome::Done(Box::new(outcome)))
            }
            Err(CommitError::Missed(expectation)) => Ok(Outcome::Overtaken(expectation)),
            Err(error @ CommitError::Store(_)) => Err(error.into()),
        }
    }

    /// The device's first call comes at once, and needs not read what was just
    /// written. The batch has seen every revocation up to its commit, and what
    /// was forgotten since the mark was taken keeps this from being remembered.
    pub(super) fn remember(&self, mark: Mark, session: &Session, user: &User) {
        let view = SessionView {
            session: session.clone(),
            user: user.clone(),
            revoked: false,
        };
        let application = self.judge.application.id;
        self.ctx
            .know_session(mark, self.now, application, Arc::new(view));
    }

    /// What was read as not revoked is not written once it is.
    fn expect_uncovered(&self, user: UserId) -> Change {
        let mut targets = self.query.targets.clone();
        targets.push(Target::User(user));
        Change::ExpectUncovered {
            targets,
            at: self.covered_from(),
        }
    }

    /// What is revoked up to a moment covers credentials by their issue and sessions
    /// by their opening, whichever is earlier.
    pub(super) fn covered_from(&self) -> Timestamp {
        self.claims.issued_at.min(self.now)
    }

    /// Nobody gets in by a password that is changed or taken away meanwhile, nor
    /// after the application has stopped to let such users in.
    fn expect_password(&self) -> Vec<Change> {
        let Some(by_password) = self.by_password else {
            return Vec::new();
        };
        let ByPassword {
            user,
            hash,
            settings,
        } = by_password.clone();
        vec![
            Change::ExpectSettings(settings),
            Change::Password(user, PasswordChange::Expect(hash)),
        ]
    }

    /// Asks what the session's user follows, where the device is to follow it.
    pub(super) fn list_followed(&self, session: SessionId) -> Option<Change> {
        self.login.follows.then_some(Change::ListFollowed(session))
    }

    fn go_on(
        &self,
        session: SessionId,
        from: u32,
        view: &LoginView,
        changes: &mut Vec<Change>,
    ) -> Result<Session, Error> {
        let (row, _) = view
            .current
            .as_ref()
            .ok_or_else(|| Error::internal("a session that has no row cannot go on"))?;
        changes.push(Change::Rotate(Box::new(Rotation {
            session,
            from,
            nonce_digest: self.nonce_digest,
            at: self.now,
            credential: Some(self.credential()),
        })));
        Ok(Session {
            generation: from.saturating_add(1),
            nonce_digest: self.nonce_digest,
            rotated_at: self.now,
            credential: Some(self.credential()),
            ..row.clone()
        })
    }

    fn open(
        &self,
        user: &User,
        end: Option<&(SessionIdentity, EndReason)>,
        conversations: &Conversations,
        view: &LoginView,
        changes: &mut Vec<Change>,
    ) -> Session {
        if let Some((identity, why)) = end {
            self.end(*identity, *why, changes);
        }
        let settings = &self.judge.application.settings;
        let keep = (settings.sessions_max.max(1) - 1) as usize;
        let switched = end.map(|(identity, _)| identity.session);
        let mut others: Vec<SessionId> = view
            .open_sessions
            .iter()
            .copied()
            .filter(|id| Some(*id) != switched)
            .collect();
        others.truncate(others.len().saturating_sub(keep));
        for session in others {
            self.end_oldest(session, changes);
        }
        let session = self.new_session(user.id, view);
        changes.push(Change::OpenSession(session.clone()));
        match conversations {
            Conversations::Stay => return session,
            Conversations::Move(from, ids) => {
                changes.extend(ids.iter().map(|id| Change::Adopt {
                    conversation: *id,
                    from: *from,
                    to: user.id,
                    at: self.now,
                }));
            }
            Conversations::Delete(ids) => {
                changes.extend(ids.iter().map(|id| Change::DeleteConversation(*id)));
            }
        }
        // What the visitor began since it was read is not left behind.
        changes.extend(end.map(|(identity, _)| Change::ExpectNoPlace(identity.user)));
        session
    }

    fn end(&self, identity: SessionIdentity, why: EndReason, changes: &mut Vec<Change>) {
        let settings = &self.judge.application.settings;
        let visitor = identity
            .anonymous
            .then(|| visitor(identity, settings, self.now));
        let end = SessionEnd {
            session: identity.session,
            visitor,
            why,
            at: self.now,
        };
        changes.push(Change::EndSession(Box::new(end)));
        changes.push(Change::Revoke(self.tombstone(identity.session)));
    }

    /// Another login may have ended it already, and that is as good.
    fn end_oldest(&self, session: SessionId, changes: &mut Vec<Change>) {
        changes.push(Change::EndIfOpen {
            session,
            why: EndReason::TooMany,
            at: self.now,
        });
        changes.push(Change::Revoke(self.tombstone(session)));
    }

    fn tombstone(&self, session: SessionId) -> Revocation {
        tombstone(
            Target::Session(session),
            &self.judge.application.settings,
            self.now,
        )
    }

    pub(super) fn new_session(&self, user: UserId, view: &LoginView) -> Session {
        let settings = &self.judge.application.settings;
        let id = SessionId::new(self.now, &*self.ctx.random);
        Session {
            id,
            user,
            device: self.device(view),
            device_name: self.login.device.name.clone(),
            api_key: api_key(self.login),
            credential: Some(self.credential()),
            generation: 0,
            nonce_digest: self.nonce_digest,
            rotated_at: self.now,
            expires_at: self
                .now
                .plus_seconds(i64::from(settings.absolute_days) * DAY_S),
            ended: None,
        }
    }

    /// The id that the device sent, if this application issued it; else the
    /// one in its own token; else a new one.
    fn device(&self, view: &LoginView) -> DeviceId {
        let own = self.current.map(|token| token.identity.device);
        match self.login.device.id {
            Some(id) if view.device_known || own == Some(id) => id,
            Some(_) => DeviceId::new(self.now, &*self.ctx.random),
            None => own.unwrap_or_else(|| DeviceId::new(self.now, &*self.ctx.random)),
        }
    }

    fn jti(&self) -> Option<Pseudonym> {
        let jti = self.claims.jti.as_deref()?;
        let application = self.judge.application.id;
        Some(Pseudonym::of(application, Kind::Jti, jti))
    }

    fn credential(&self) -> SessionCredential {
        SessionCredential {
            dialect: self.claims.dialect,
            kid: self.claims.kid.clone(),
            jti: self.jti(),
            digest: self.claims.digest,
            one_time_id: self.query.one_time_id,
            issued_at: self.claims.issued_at,
            expires_at: self.claims.expires_at,
            acl: self.claims.acl.clone(),
        }
    }

    pub(super) fn new_user(&self) -> User {
        let mut user = User::new(UserId::new(self.now, &*self.ctx.random), self.now);
        match &self.query.identifier {
            Identifier::Name(name) => user.name = Some(name.clone()),
            Identifier::ExternalId(id) => user.external_id = Some(id.clone()),
            Identifier::Email(email) => user.email = Some(email.clone()),
            Identifier::Id(_) => {}
        }
        user
    }

    /// Takes a user's password away, and ends what was opened with it.
    fn take_password(&self, user: UserId) -> [Change; 3] {
        let why = Details::remark("a signed credential names this user");
        let action = "user.password_removed";
        let audit = entry(self.ctx, Actor::User(user), action, &user, why).about(user);
        [
            Change::Password(user, PasswordChange::Remove),
            Change::EndOtherSessions {
                user,
                keep: None,
                why: EndReason::Revoked,
                at: self.now,
            },
            Change::Audit(audit),
        ]
    }

    fn audit_conflict(&self, user: UserId, other: UserId) -> AuditEntry {
        let remark = format!("email named {user}, externalId named {other}; email won");
        let action = "login.identity_conflict";
        let details = Details::remark(remark);
        entry(self.ctx, Actor::User(user), action, &user, details).about(user)
    }

    fn publish(
        &self,
        plan: &Plan,
        session: &Session,
        user: &User,
        view: &LoginView,
        committed: &Committed,
    ) {
        let application = self.judge.application.id;
        self.ctx.tally.committed(committed);
        // Of a new session nobody remembers anything.
        if let SessionPlan::GoOn { .. } = &plan.session {
            self.ctx.publish(Notice::Session {
                application,
                session: session.id,
            });
        }
        if let SessionPlan::Open { end, .. } = &plan.session {
            let too_many = view.open_sessions.iter().copied();
            let keep = self.judge.application.settings.sessions_max.max(1) as usize - 1;
            let ended = too_many.take(view.open_sessions.len().saturating_sub(keep));
            for id in ended.chain(end.map(|(identity, _)| identity.session)) {
                self.ctx.publish(Notice::Revoked {
                    application,
                    revocation: self.tombstone(id),
                });
            }
        }
        if self.outdone(view).is_some() {
            self.ctx.publish(Notice::User {
                application,
                user: user.id,
            });
        }
        if !committed.events.is_empty() {
            self.ctx.publish(Notice::Conversations {
                application,
                user: user.id,
            });
        }
        for (conversation, last_event_id) in &committed.events {
            self.ctx.publish(Notice::Events {
                application,
                conversation: *conversation,
                last_event_id: *last_event_id,
            });
        }
    }
}
