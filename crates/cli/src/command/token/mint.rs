//! `countersign token mint`: a credential of any dialect, as a backend would
//! make it. Standard output gets the token and nothing else.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use countersign_credential::acl::Acl;
use countersign_credential::json;
use countersign_credential::key::Kid;
use countersign_credential::mint::{self, Minted, Order};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;

use crate::application_file::decode_base64;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// What the credential says, and what signs it.
#[derive(Debug, Args)]
#[command(
    after_help = "Standard output is the credential alone.\n\nExamples:\n  countersign token mint --dialect native --application-id 0190d1c4-0000-7000-8000-000000000001 --key private.pem --kid 2027 --subject customer-42\n  countersign token mint --dialect kustomer --secret 'a secret of thirty-two bytes or more' --email alice@example.com"
)]
#[command(group(ArgGroup::new("signing").required(true).args(["key", "secret", "secret_base64"])))]
pub(crate) struct Arguments {
    /// The form of the credential.
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Form,
    /// The application's id; a kustomer credential does not carry it.
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
    /// The private key, in PEM.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The secret, as text; it may begin with a hyphen.
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    secret: Option<String>,
    /// The secret, as base64 of its bytes (what Sinch shows).
    #[arg(long, value_name = "BASE64")]
    secret_base64: Option<String>,
    /// The key's name, for the header.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// The user: a name (nexmo, sinch) or your own id (native).
    #[arg(long, value_name = "USER")]
    subject: Option<String>,
    /// kustomer: your own id of the user.
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// kustomer: the user's e-mail address, which wins over the id.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// nexmo: what the user may call.
    #[arg(long, value_name = "JSON")]
    acl: Option<String>,
    /// How long it lives; what is usual in its dialect if left out.
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Its own id, or the nonce of a sinch JWT; random if left out.
    #[arg(long, value_name = "TEXT")]
    jti: Option<String>,
    /// When it is made; now if left out.
    #[arg(long, value_name = "UNIX_SECONDS")]
    at: Option<i64>,
}

/// The forms of credentials as the command line spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Nexmo,
    Kustomer,
    SinchTicket,
    SinchJwt,
    Native,
}

/// The texts of the command line, as what they have to be.
struct Parts {
    name: Option<UserName>,
    external_id: Option<ExternalId>,
    email: Option<Email>,
    acl: Option<Acl>,
    jti: Option<String>,
}

/// Makes a credential and prints it.
pub(crate) fn run(
    arguments: &Arguments,
    system: &System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    arguments.refuse_strangers()?;
    let key = arguments.signing_key(output)?;
    let parts = arguments.parts(system)?;
    let kid = arguments
        .kid
        .as_deref()
        .map(|kid| Kid::parse(kid).map_err(Failure::usage))
        .transpose()?;
    let application_id = match (&arguments.application_id, arguments.dialect) {
        (Some(id), _) => id.as_str(),
        (None, Form::Kustomer) => "",
        (None, form) => {
            return Err(Failure::usage(format!(
                "a {} credential names its application",
                form.name()
            ))
            .hint("pass --application-id ID"));
        }
    };
    let order = Order {
        claims: parts.claims(arguments.dialect)?,
        application_id,
        kid: kid.as_ref(),
        issued_at: arguments
            .at
            .map_or_else(|| system.now(), Timestamp::from_seconds),
        life_s: arguments.ttl,
    };
    let token = mint::mint(&order, &key).map_err(Failure::usage)?;
    output.line(&token)?;
    Ok(Exit::Done)
}

// === impl Arguments ===

impl Arguments {
    /// Refuses what the dialect has no place for, rather than leave it out.
    fn refuse_strangers(&self) -> Result<(), Failure> {
        let form = self.dialect;
        let places: [(&str, bool, &[Form]); 6] = [
            (
                "--subject",
                self.subject.is_some(),
                &[Form::Nexmo, Form::SinchTicket, Form::SinchJwt, Form::Native],
            ),
            (
                "--external-id",
                self.external_id.is_some(),
                &[Form::Kustomer],
            ),
            ("--email", self.email.is_some(), &[Form::Kustomer]),
            ("--acl", self.acl.is_some(), &[Form::Nexmo]),
            (
                "--kid",
                self.kid.is_some(),
                &[Form::Nexmo, Form::Kustomer, Form::Native],
            ),
            (
                "--jti",
                self.jti.is_some(),
                &[Form::Nexmo, Form::Kustomer, Form::SinchJwt, Form::Native],
            ),
        ];
        for (flag, given, forms) in places {
            if given && !forms.contains(&form) {
                let names: Vec<&str> = forms.iter().map(|form| form.name()).collect();
                return Err(Failure::usage(format!(
                    "a {} credential has no place for {flag}",
                    form.name()
                ))
                .hint(format!("{flag} goes with {}", names.join(", "))));
            }
        }
        Ok(())
    }

    fn signing_key(&self, output: &mut Output) -> Result<SigningKey, Failure> {
        if let Some(file) = &self.key {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
            })?;
            return SigningKey::from_private_key_pem(&text)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())));
        }
        let sinch = matches!(self.dialect, Form::SinchTicket | Form::SinchJwt);
        let secret = match (&self.secret, &self.secret_base64) {
            (Some(text), _) => {
                if sinch && decode_base64(text).is_some() {
                    output.note(
                        "the secret is taken as text; what Sinch shows is base64, for --secret-base64",
                    );
                }
                text.clone().into_bytes()
            }
            (None, Some(text)) => decode_base64(text)
                .ok_or_else(|| Failure::usage("the value of --secret-base64 is not base64"))?,
            (None, None) => {
                return Err(Failure::usage("nothing to sign with")
                    .hint("pass --key FILE, --secret TEXT or --secret-base64 BASE64"));
            }
        };
        SigningKey::from_secret(&secret).map_err(Failure::usage)
    }

    fn parts(&self, system: &System) -> Result<Parts, Failure> {
        let subject = self.subject.as_deref();
        let native = self.dialect == Form::Native;
        let name = subject
            .filter(|_| !native)
            .map(|text| UserName::parse(text).map_err(Failure::usage))
            .transpose()?;
        let external_id = self
            .external_id
            .as_deref()
            .or(subject.filter(|_| native))
            .map(|text| ExternalId::parse(text).map_err(Failure::usage))
            .transpose()?;
        let email = self
            .email
            .as_deref()
            .map(|text| Email::parse(text).map_err(Failure::usage))
            .transpose()?;
        let acl = self.acl.as_deref().map(read_acl).transpose()?;
        // Kustomer's own backends write none, and a ticket has no place for it.
        let random = match self.dialect {
            Form::Nexmo | Form::Native | Form::SinchJwt => Some(system.random_id()),
            Form::Kustomer | Form::SinchTicket => None,
        };
        Ok(Parts {
            name,
            external_id,
            email,
            acl,
            jti: self.jti.clone().or(random),
        })
    }
}

// === impl Parts ===

impl Parts {
    fn claims(&self, form: Form) -> Result<Minted<'_>, Failure> {
        let missing = || {
            Failure::usage(format!("a {} credential names a user", form.name()))
                .hint("pass --subject USER")
        };
        let jti = self.jti.as_deref();
        Ok(match form {
            Form::Nexmo => Minted::Nexmo {
                subject: self.name.as_ref(),
                acl: self.acl.as_ref(),
                jti,
            },
            Form::Kustomer => {
                if self.email.is_none() && self.external_id.is_none() {
                    return Err(Failure::usage("a kustomer credential names a user")
                        .hint("pass --external-id ID, --email ADDRESS or both"));
                }
                Minted::Kustomer {
                    email: self.email.as_ref(),
                    external_id: self.external_id.as_ref(),
                    jti,
                }
            }
            Form::Native => Minted::Native {
                subject: self.external_id.as_ref().ok_or_else(missing)?,
                jti,
            },
            Form::SinchTicket => Minted::SinchTicket {
                user: self.name.as_ref().ok_or_else(missing)?,
            },
            Form::SinchJwt => Minted::SinchJwt {
                user: self.name.as_ref().ok_or_else(missing)?,
                nonce: jti.unwrap_or_default(),
            },
        })
    }
}

// === impl Form ===

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Nexmo => "nexmo",
            Self::Kustomer => "kustomer",
            Self::SinchTicket => "sinch-ticket",
            Self::SinchJwt => "sinch-jwt",
            Self::Native => "native",
        }
    }
}

fn read_acl(text: &str) -> Result<Acl, Failure> {
    let value = json::read(text.as_bytes())
        .map_err(|error| Failure::usage(format!("the value of --acl is not JSON: {error}")))?;
    Acl::from_json(&value)
        .map_err(|error| Failure::usage(format!("the value of --acl is no ACL: {error}")))
}
