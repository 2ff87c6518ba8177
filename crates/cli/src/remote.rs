//! A running server, for commands on live state: where it is, who asks, and how
//! its answers are shown.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use countersign_client::http::{Answer, Api, Call, segment, with_query};
use countersign_wire::code::Code;
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::output::{Output, columns, printable};

/// Where the server is, and who asks.
#[derive(Args)]
pub(crate) struct Remote {
    /// The URL of the server's native API.
    #[arg(
        long,
        env = "COUNTERSIGN_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:7080",
        global = true
    )]
    url: String,
    /// The API key that asks: an operator's or an application's.
    #[arg(
        long,
        env = "COUNTERSIGN_KEY",
        value_name = "KEY",
        hide_env_values = true,
        global = true
    )]
    key: Option<String>,
    /// A file that holds the API key; --key goes first.
    #[arg(long, env = "COUNTERSIGN_KEY_FILE", value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
    /// Print the server's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

/// The application that a command is about.
#[derive(Debug, Args)]
pub(crate) struct InApplication {
    /// The application's id; an application's own key needs none.
    #[arg(long, value_name = "ID", global = true)]
    application: Option<String>,
}

/// A server to be asked.
pub(crate) struct Session {
    api: Api,
    key: String,
    json: bool,
}

// === impl Remote ===

impl Remote {
    /// Whether the answer is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether a key was given, or a file that holds one.
    pub(crate) fn has_key(&self) -> bool {
        self.key.is_some() || self.key_file.is_some()
    }

    /// Gets ready to ask.
    ///
    /// # Errors
    /// If no key was given, or its file cannot be read; if the URL is none, or
    /// holds a password.
    pub(crate) fn session(self) -> Result<Session, Failure> {
        let key = match (self.key, self.key_file) {
            (Some(key), _) => key,
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map_err(|error| {
                    Failure::usage(format!("cannot read {}: {error}", file.display()))
                })?
                .trim()
                .to_owned(),
            (None, None) => {
                return Err(Failure::usage("no API key was given").hint(
                    "pass --key KEY, or set COUNTERSIGN_KEY: `countersign dev` prints both lines to export",
                ));
            }
        };
        Ok(Session {
            api: Api::new(&self.url)?,
            key,
            json: self.json,
        })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remote")
    }
}

// === impl InApplication ===

impl InApplication {
    /// A path below the application.
    ///
    /// # Errors
    /// If the id has characters that no id has.
    pub(crate) fn path(&self, below: &str) -> Result<String, Failure> {
        let name = self.application.as_deref().unwrap_or("current");
        Ok(format!("/v1/applications/{}{below}", segment(name)?))
    }

    /// The query that names the application, if it was named.
    pub(crate) fn query(&self) -> Option<(&'static str, &str)> {
        self.application.as_deref().map(|id| ("application_id", id))
    }
}

// === impl Session ===

impl Session {
    /// Whether the answer is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Makes a call.
    ///
    /// # Errors
    /// The server's refusal; or that it was not reached.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        let answer = self.ask(call).await?;
        let unnamed = answer.code() == Some(Code::ApplicationRequired);
        answer.accepted().map_err(|error| {
            let failure = Failure::from(error);
            if unnamed {
                failure.hint("an operator key names the application: pass --application ID")
            } else {
                failure
            }
        })
    }

    /// Makes a call, and leaves it to the caller what a refusal means.
    ///
    /// # Errors
    /// If the server was not reached.
    pub(crate) async fn ask(&self, call: Call<'_>) -> Result<Answer, Failure> {
        Ok(self.api.call(call.bearer(&self.key)).await?)
    }

    /// Reads a list to its end: the whole of it as one page.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub(crate) async fn list(
        &self,
        path: &str,
        query: &[(&str, &str)],
        noun: &str,
    ) -> Result<Value, Failure> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let mut pairs = query.to_vec();
            pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page = self.call(Call::get(&with_query(path, &pairs)?)).await?;
            if let Some(Value::Array(entries)) = page.get_mut(noun).map(Value::take) {
                all.extend(entries);
            }
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                let mut list = Map::new();
                list.insert(noun.to_owned(), Value::Array(all));
                return Ok(Value::Object(list));
            }
        }
    }

    /// Shows one thing: as JSON, or a line for each of these members.
    ///
    /// # Errors
    /// If nobody takes the output.
    pub(crate) fn show(
        &self,
        thing: &Value,
        members: &[&str],
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        if self.json {
            output.line(&thing.to_string())?;
            return Ok(Exit::Done);
        }
        let width = members.iter().map(|member| member.len()).max();
        for member in members {
            let value = words(&thing[*member]);
            output.line(&format!(
                "{member:<width$}  {value}",
                width = width.unwrap_or(0)
            ))?;
        }
        Ok(Exit::Done)
    }

    /// Shows a list: as JSON, or a table with a column for each of these members.
    ///
    /// # Errors
    /// If nobody takes the output.
    pub(crate) fn table(
        &self,
        list: &Value,
        noun: &str,
        members: &[&str],
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        if self.json {
            output.line(&list.to_string())?;
            return Ok(Exit::Done);
        }
        let none = Vec::new();
        let things = list[noun].as_array().unwrap_or(&none);
        let mut rows: Vec<Vec<String>> = vec![members.iter().map(|m| m.to_uppercase()).collect()];
        for thing in things {
            rows.push(
                members
                    .iter()
                    .map(|member| words(&thing[*member]))
                    .collect(),
            );
        }
        for line in columns(&rows) {
            output.line(&line)?;
        }
        Ok(Exit::Done)
    }

    /// Says that something was done, to a person alone.
    ///
    /// # Errors
    /// If nobody takes the output.
    pub(crate) fn done(&self, sentence: &str, output: &mut Output) -> Result<Exit, Failure> {
        if !self.json {
            output.line(sentence)?;
        }
        Ok(Exit::Done)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Session({:?})", self.api)
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Array(values) => {
            let words: Vec<String> = values.iter().map(words).collect();
            words.join(",")
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
