//! JSON bodies of the native API: strict, and of the type that says so.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::{HeaderMap, Method, header};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::body::{check_strict, decode, read};

/// A JSON body. An empty one counts as an object without members.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

fn check_media_type(method: &Method, headers: &HeaderMap) -> Result<(), Error> {
    let unsupported = |detail| {
        Error::new(Code::UnsupportedMediaType, detail).hint("send Content-Type: application/json")
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("the body has a Content-Encoding"));
    }
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unsupported("the body has no Content-Type, or several"));
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json");
    let is_merge_patch = essence.eq_ignore_ascii_case("application/merge-patch+json");
    if is_json || is_merge_patch && *method == Method::PATCH {
        Ok(())
    } else {
        Err(unsupported(
            "the body's Content-Type is not application/json",
        ))
    }
}

// === impl Json ===

impl<T: DeserializeOwned> FromRequest<Arc<Ctx>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Ctx>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return Ok(Self(decode(b"{}")?));
        }
        check_media_type(&parts.method, &parts.headers)?;
        check_strict(&bytes)?;
        Ok(Self(decode(&bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_that_it_is_json() {
        let json = "application/json";
        let patch = "application/merge-patch+json";
        for (method, values, fine) in [
            (Method::POST, vec![json], true),
            (Method::POST, vec!["Application/JSON ; charset=utf-8"], true),
            (Method::POST, vec![patch], false),
            (Method::PATCH, vec![patch], true),
            (Method::PATCH, vec![json], true),
            (Method::POST, vec![], false),
            (Method::POST, vec![json, json], false),
            (Method::POST, vec!["text/plain"], false),
            (Method::POST, vec!["application/jsonp"], false),
            (
                Method::POST,
                vec!["application/x-www-form-urlencoded"],
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(header::CONTENT_TYPE, value.parse().unwrap());
            }
            assert_eq!(
                check_media_type(&method, &headers).is_ok(),
                fine,
                "{method} {values:?}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, json.parse().unwrap());
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(check_media_type(&Method::POST, &headers).is_err());
    }
}
