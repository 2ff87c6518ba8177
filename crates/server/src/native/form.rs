//! A body that OAuth sends as a form, and everybody else as JSON.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, Request};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::header;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body::Json;
use super::problem::Problem;
use crate::body;

const FORM: &str = "application/x-www-form-urlencoded";

/// A body of `application/x-www-form-urlencoded`, of texts alone, or of JSON.
#[derive(Debug)]
pub(super) struct FormOrJson<T>(pub(super) T);

// === impl FormOrJson ===

impl<T: DeserializeOwned> FromRequest<Arc<Ctx>> for FormOrJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, ctx: &Arc<Ctx>) -> Result<Self, Problem> {
        if !is_form(&request) {
            let Json(value) = Json::from_request(request, ctx).await?;
            return Ok(Self(value));
        }
        let wrong = |detail| Problem(Error::new(Code::BadRequest, detail));
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, ctx)
            .await
            .map_err(|_| wrong("the form cannot be read"))?;
        let mut members = Map::new();
        for (name, value) in pairs {
            // RFC 6749 section 3.1: no parameter twice.
            if members.insert(name, Value::String(value)).is_some() {
                return Err(wrong("the form has a parameter twice"));
            }
        }
        let text = serde_json::to_vec(&members).map_err(Error::internal)?;
        Ok(Self(body::decode(&text)?))
    }
}

fn is_form(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(FORM)
}
