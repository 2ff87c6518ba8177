//! Who a device is: what it keeps of its login.

use countersign_wire::secret::Secret;
use countersign_wire::session::{LoginAnswer, LoginUser};
use serde::{Deserialize, Serialize};

use crate::identifier::Identifier;

/// Log-outs that still have to be told to the server. One more pushes out the
/// oldest, whose session ends by itself.
const ENDING_MAX: usize = 16;

/// What a device keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The installation, whoever is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_id: Option<String>,
    /// The login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Session>,
    /// The nonce of a login whose answer has not come: the same credential with
    /// the same nonce opens the same session again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login_nonce: Option<Secret>,
    /// Sessions that were logged out of while the server was out of reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ending: Vec<Tokens>,
}

/// A login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) user: LoginUser,
    /// How the user was named at the login; a visitor was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identifier: Option<Identifier>,
    pub(crate) tokens: Tokens,
}

/// The tokens of a session, with the nonce that was made when they were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access: Secret,
    pub(crate) refresh: Secret,
    pub(crate) nonce: Secret,
}

// === impl Identity ===

impl Identity {
    /// Reads what was kept. What cannot be read is of nobody: the device begins
    /// anew rather than not at all.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(at = error.column(), "the kept identity cannot be read");
            Self::default()
        })
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Takes what a login or refresh has answered.
    pub(crate) fn take(
        &mut self,
        answer: LoginAnswer,
        identifier: Option<Identifier>,
        nonce: Secret,
    ) {
        self.login_nonce = None;
        self.device_id = Some(answer.session.device_id);
        self.session = Some(Session {
            id: answer.session.id,
            user: answer.user,
            identifier,
            tokens: Tokens {
                access: answer.access_token,
                refresh: answer.refresh_token,
                nonce,
            },
        });
    }

    /// Forgets the login, and notes that the server has to hear of it.
    pub(crate) fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            self.ending.push(session.tokens);
        }
        let excess = self.ending.len().saturating_sub(ENDING_MAX);
        self.ending.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use countersign_wire::session::LoginSession;
    use countersign_wire::time::Time;

    use super::*;

    fn answer(number: usize) -> LoginAnswer {
        let time = Time { milliseconds: 0 };
        LoginAnswer {
            session: LoginSession {
                id: format!("SES-{number}"),
                device_id: "DEV-1".to_owned(),
                expires_at: time,
            },
            user: LoginUser {
                id: "USR-1".to_owned(),
                name: Some("alice".to_owned()),
                external_id: None,
                email: None,
                anonymous: false,
            },
            access_token: Secret("cs_at_1".to_owned()),
            access_token_expires_at: time,
            refresh_token: Secret(format!("cs_rt_{number}")),
            server_time: time,
        }
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let mut identity = Identity::default();
        assert_eq!(Identity::read(&identity.text()), identity);
        let identifier = Some(Identifier::Email("a@b.example".to_owned()));
        identity.take(answer(1), identifier, Secret("nonce".to_owned()));
        assert_eq!(Identity::read(&identity.text()), identity);
        identity.leave();
        assert_eq!(identity.session, None);
        assert_eq!(identity.ending.len(), 1);
        assert_eq!(identity.device_id.as_deref(), Some("DEV-1"));
        assert_eq!(Identity::read(&identity.text()), identity);
        for text in ["", "{", "[]", "{\"session\":1}"] {
            assert_eq!(Identity::read(text), Identity::default(), "{text}");
        }
    }

    #[test]
    fn log_outs_that_wait_are_bounded() {
        let mut identity = Identity::default();
        for number in 0..=ENDING_MAX {
            identity.take(answer(number), None, Secret("nonce".to_owned()));
            identity.leave();
        }
        assert_eq!(identity.ending.len(), ENDING_MAX);
        assert_eq!(identity.ending[0].refresh.0, "cs_rt_1", "the oldest went");
    }
}
