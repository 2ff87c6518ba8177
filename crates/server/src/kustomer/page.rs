//! Pages: `page[size]` and `page[after]` ask for one, and its links tell the
//! address of the next, without a host: clients put it behind the address that
//! they have.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query as Pairs};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::UserId;
use countersign_core::limit::PAGE_MAX;
use countersign_core::model::page::{Page, Window};
use http::request::Parts;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::answer::Answer;
use super::failure::Refused;

/// Entries of a page, where the query does not say.
const PAGE_SIZE: usize = 25;
const SIZE: &str = "page[size]";
const AFTER: &str = "page[after]";

/// The page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) window: Window,
    /// Whether only those are wanted that are still open.
    pub(super) active: bool,
    /// Whose, where a backend asks.
    pub(super) customer: Option<UserId>,
    after: Option<String>,
}

// === impl Wanted ===

impl Wanted {
    fn of(uri: &Uri) -> Result<Self, Error> {
        let wrong = |detail: String| Error::new(Code::BadRequest, detail);
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| wrong("the query cannot be read".to_owned()))?;
        let text = |name| {
            let found = pairs.iter().find(|(candidate, _)| candidate == name);
            found.map(|(_, value)| value.as_str())
        };
        let size = match text(SIZE) {
            None => PAGE_SIZE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=PAGE_MAX).contains(size))
                .ok_or_else(|| wrong(format!("{SIZE} is a number from 1 to {PAGE_MAX}")))?,
        };
        let after = text(AFTER).map(str::to_owned);
        let position = after.as_ref().map(|after| URL_SAFE_NO_PAD.decode(after));
        let position = position
            .transpose()
            .map_err(|_| wrong(format!("{AFTER} is none of ours")))?;
        let window = Window {
            after: position,
            limit: size,
        };
        let active = text("active") == Some("true");
        let customer = text("customerId").map(str::parse).transpose();
        let customer = customer.map_err(|_| Error::not_found("customer"))?;
        Ok(Self {
            window,
            active,
            customer,
            after,
        })
    }

    /// The page, as the answer to a call of this path.
    pub(super) fn answer<T>(
        &self,
        path: &str,
        page: &Page<T>,
        shown: impl Fn(&T) -> Value,
    ) -> Answer {
        let size = self.window.limit;
        let active = if self.active { "&active=true" } else { "" };
        let customer = self.customer.as_ref();
        let customer = customer.map_or_else(String::new, |id| format!("&customerId={id}"));
        let link = |after: Option<&str>| {
            let first = format!("{path}?page%5Bsize%5D={size}{active}{customer}");
            match after {
                Some(after) => format!("{first}&page%5Bafter%5D={after}"),
                None => first,
            }
        };
        let next = page.next.as_ref().map(|next| URL_SAFE_NO_PAD.encode(next));
        let data: Vec<Value> = page.items.iter().map(shown).collect();
        let body = json!({
            "meta": { "pageSize": size },
            "links": {
                "self": link(self.after.as_deref()),
                "first": link(None),
                "prev": null,
                "next": next.as_deref().map(|next| link(Some(next))),
            },
            "data": data,
        });
        Answer(StatusCode::OK, body)
    }
}

impl FromRequestParts<Arc<Ctx>> for Wanted {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        Ok(Self::of(&parts.uri)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries_and_begins_where_one_ended() {
        for (query, expected) in [
            ("", Ok((None, 25))),
            ("page%5Bsize%5D=7", Ok((None, 7))),
            (
                "page[size]=100&page[after]=AQI",
                Ok((Some(vec![1, 2]), 100)),
            ),
            ("other=1", Ok((None, 25))),
            ("page[size]=0", Err(Code::BadRequest)),
            ("page[size]=101", Err(Code::BadRequest)),
            ("page[size]=", Err(Code::BadRequest)),
            ("page[after]=*", Err(Code::BadRequest)),
        ] {
            let found = Wanted::of(&format!("/?{query}").parse().unwrap());
            let found = found.map(|wanted| (wanted.window.after, wanted.window.limit));
            assert_eq!(found.map_err(|error| error.code), expected, "{query}");
        }
    }
}
