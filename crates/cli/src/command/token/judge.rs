//! Who judges a credential for `token explain`: this program, by a file of the
//! application's keys, or a server, which also knows its users.

use countersign_client::http::{Call, with_query};
use countersign_credential::dialect::Dialect;
use countersign_credential::explain::Explanation;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::CREDENTIAL_BYTES_MAX;
use countersign_credential::verifier::Verifier;
use countersign_server::native;
use countersign_wire::code::Code;
use countersign_wire::secret::Secret;
use countersign_wire::token as wire;

use crate::exit::Failure;
use crate::remote::Session;
use crate::system::System;

/// Judges credentials of one application.
pub(super) enum Judge {
    /// By a file of its keys.
    File {
        verifier: Box<Verifier>,
        dialect: Option<Dialect>,
        fixed_time: Option<Timestamp>,
        system: System,
    },
    /// By asking a server.
    Server {
        session: Session,
        path: String,
        dialect: Option<Dialect>,
    },
}

// === impl Judge ===

impl Judge {
    /// By asking a server; an operator key names the application.
    pub(super) fn of_server(
        session: Session,
        application_id: Option<&str>,
        dialect: Option<Dialect>,
    ) -> Result<Self, Failure> {
        let query: Vec<_> = application_id
            .map(|id| ("application_id", id))
            .into_iter()
            .collect();
        Ok(Self::Server {
            session,
            path: with_query("/v1/tokens/explain", &query)?,
            dialect,
        })
    }

    /// What this one thinks of a credential.
    ///
    /// # Errors
    /// If a server is to be asked, and refuses or is not reached.
    pub(super) async fn explain(&self, token: &[u8]) -> Result<wire::Explanation, Failure> {
        let Ok(token) = std::str::from_utf8(token) else {
            return Ok(malformed("not text: the bytes are not UTF-8"));
        };
        match self {
            Self::File {
                verifier,
                dialect,
                fixed_time,
                system,
            } => {
                let now = fixed_time.unwrap_or_else(|| system.now());
                Ok(native::explained(verifier.explain(token, *dialect, now)))
            }
            // Whoever judges it, and too much to be sent.
            Self::Server { .. } if token.len() > CREDENTIAL_BYTES_MAX => Ok(malformed(format!(
                "{} bytes, and a credential has at most {CREDENTIAL_BYTES_MAX}",
                token.len()
            ))),
            Self::Server {
                session,
                path,
                dialect,
            } => ask(session, path, token, *dialect).await,
        }
    }
}

/// The explanation of what cannot be a credential at all.
pub(super) fn malformed(detail: impl Into<String>) -> wire::Explanation {
    native::explained(Explanation::of_malformed(detail))
}

async fn ask(
    session: &Session,
    path: &str,
    token: &str,
    dialect: Option<Dialect>,
) -> Result<wire::Explanation, Failure> {
    let request = wire::ExplainRequest {
        token: Secret(token.to_owned()),
        dialect: dialect.map(|dialect| dialect.as_str().to_owned()),
    };
    let body = serde_json::to_value(&request)
        .map_err(|error| Failure::usage(format!("cannot write the question: {error}")))?;
    let answer = session.ask(Call::post(path, &body)).await?;
    let unnamed = answer.code() == Some(Code::ApplicationRequired);
    let explanation = answer.accepted().map_err(|error| {
        let failure = Failure::from(error);
        if unnamed {
            failure.hint("an operator key names the application: pass --application-id ID")
        } else {
            failure
        }
    })?;
    serde_json::from_value(explanation).map_err(|error| {
        Failure::unreached(format!(
            "the server answered with what is no explanation: {error}"
        ))
        .hint("is this the URL of a Countersign server's native API?")
    })
}
