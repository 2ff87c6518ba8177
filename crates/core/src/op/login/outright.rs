//! The short way: a login of a known user who brings nothing along, in one hop.
//!
//! What the long way reads first is, for most logins, that nothing is against
//! them. So where the device tells of no session, device or use to be looked up,
//! the session is added on condition that this is so, and the store judges it as
//! of the commit. Where it is not so nothing was done, and the long way tells why.

use super::LoggedIn;
use super::attempt::Attempt;
use crate::error::Error;
use crate::model::session::Session;
use crate::op::answer::LoginAnswer;
use crate::ports::change::{Change, TriedLogin};
use crate::ports::store::LoginView;

// === impl Attempt ===

impl Attempt<'_> {
    /// Opens a session at once, if nothing is against it.
    pub(super) async fn outright(&self) -> Result<Option<LoggedIn>, Error> {
        if !self.brings_nothing_along() {
            return Ok(None);
        }
        let mark = self.ctx.mark();
        // Whose it is, the store tells.
        let session = self.new_session(self.new_user().id, &LoginView::default());
        let tried = TriedLogin {
            identifier: self.query.identifier.clone(),
            session: session.clone(),
            targets: self.query.targets.clone(),
            at: self.covered_from(),
            sessions_max: self.query.sessions_max,
        };
        let mut changes = vec![Change::TryLogin(Box::new(tried))];
        changes.extend(self.list_followed(session.id));
        let committed = self.ctx.store.commit(&self.permit, changes).await?;
        let Some(user) = committed.logged_in else {
            return Ok(None);
        };
        let session = Session {
            user: user.id,
            ..session
        };
        self.remember(mark, &session, &user);
        Ok(Some(LoggedIn::Opened(LoginAnswer {
            followed: committed.followed,
            ..self.answer(session, *user)
        })))
    }

    /// Whether there is nothing to be read but what the user's own rows and the
    /// revocations tell.
    fn brings_nothing_along(&self) -> bool {
        self.by_password.is_none()
            && self.login.current_token.is_none()
            && self.query.device.is_none()
            && self.query.one_time_id.is_none()
            && self.query.other.is_none()
    }
}
