//! The story: a visitor chats, becomes a customer, and finds everything again.

use countersign_client::http::{Answer, Api, Call};
use countersign_wire::code::Code;
use serde_json::{Value, json};

use super::narrator::Narrator;
use crate::dev_application::DevApplication;
use crate::development::Development;
use crate::exit::Failure;
use crate::output::Output;
use crate::system::System;

/// What tells the story: the server's API, the application's keys, the time.
struct Stage<'a> {
    api: Api,
    application: &'a DevApplication,
    system: System,
}

/// A device as it is after a login: what an SDK would keep.
struct Device {
    name: &'static str,
    access_token: String,
    session: String,
}

/// Tells it, from the first word to the last check.
///
/// # Errors
/// If a step does not turn out as told.
pub(super) async fn tell(
    node: &Development,
    system: System,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut narrator = Narrator::new(output);
    let stage = Stage {
        api: Api::new(node.url())?,
        application: node.application(),
        system,
    };
    narrator.say("Countersign, the main job: a history that follows the login.")?;
    narrator.say(&format!(
        "A server runs at {}, in a temporary folder.",
        node.url()
    ))?;
    let (phone, conversation) = stage.visitor(&mut narrator).await?;
    let phone = stage
        .first_login(&mut narrator, &phone, &conversation)
        .await?;
    let others = stage
        .other_devices(&mut narrator, &phone, &conversation)
        .await?;
    stage.my_devices(&mut narrator, &phone, &others).await?;
    stage.replay(&mut narrator).await?;
    narrator.end()
}

// === impl Stage ===

impl Stage<'_> {
    /// A visitor chats at once, with nothing but the publishable key.
    async fn visitor(&self, narrator: &mut Narrator<'_>) -> Result<(Device, String), Failure> {
        narrator.chapter("A visitor opens the chat on a phone. Nobody has logged in.")?;
        let key = &self.application.publishable_key;
        let body = json!({"device": {"name": "phone"}});
        let answer = self
            .api
            .call(Call::post("/v1/sessions/anonymous", &body).bearer(key))
            .await?;
        let answer = answer.accepted()?;
        let anonymous = answer["user"]["anonymous"] == json!(true);
        narrator.check(
            anonymous,
            "the visitor is anonymous and may write at once",
            &seen(&answer),
        )?;
        let phone = device("phone", &answer);
        let body = json!({"display_name": "Delivery"});
        let conversation = self.post(&phone, "/v1/conversations", body).await?;
        let conversation = text(&conversation, "id");
        self.send(&phone, &conversation, "Hello! Do you deliver to Norway?")
            .await?;
        narrator.quote("visitor", "Hello! Do you deliver to Norway?")?;
        self.answer_as_support(&conversation, "We do, in three days.")
            .await?;
        narrator.quote("support", "We do, in three days.")?;
        let texts = self.texts(&phone, &conversation).await?;
        narrator.check(
            texts.len() == 2,
            "the visitor reads the answer",
            &format!("{texts:?}"),
        )?;
        Ok((phone, conversation))
    }

    /// The backend signs who the user is, and the phone logs in.
    async fn first_login(
        &self,
        narrator: &mut Narrator<'_>,
        phone: &Device,
        conversation: &str,
    ) -> Result<Device, Failure> {
        narrator.chapter(
            "The visitor signs in to the shop: it is Alice. The shop's backend signs that.",
        )?;
        let user = json!({"name": "alice", "external_id": "customer-42",
            "email": "alice@example.com", "display_name": "Alice"});
        let call = Call::post("/v1/users", &user).bearer(&self.application.api_key);
        self.api.call(call).await?.accepted()?;
        let credential = self
            .application
            .native_credential("customer-42", self.system)?;
        narrator
            .say("a JWT of the backend's own: RS256, aud = the application, sub = customer-42")?;
        let body = json!({"credential": credential, "current_token": phone.access_token,
            "device": {"name": "phone"}});
        let answer = self.log_in(body).await?.accepted()?;
        let phone_now = device("phone", &answer);
        let known = answer["user"]["name"] == json!("alice");
        narrator.check(known, "the phone is logged in as Alice", &seen(&answer))?;
        narrator.check(
            phone_now.session != phone.session,
            "with a new session, and new tokens",
            &phone_now.session,
        )?;
        let old = self.get(phone, "/v1/conversations").await?;
        narrator.check(
            old.code() == Some(Code::SessionEnded),
            "the visitor's own token is dead",
            &seen(&old.json()),
        )?;
        let texts = self.texts(&phone_now, conversation).await?;
        narrator.check(
            texts.len() == 2,
            "the conversation came along, not a word of it is lost",
            &format!("{texts:?}"),
        )?;
        Ok(phone_now)
    }

    /// Three more devices, each by another vendor's credential.
    async fn other_devices(
        &self,
        narrator: &mut Narrator<'_>,
        phone: &Device,
        conversation: &str,
    ) -> Result<Vec<Device>, Failure> {
        narrator.chapter(
            "Alice takes up other devices. Each logs in with another vendor's credential.",
        )?;
        let before = self.texts(phone, conversation).await?;
        let application = self.application;
        let credentials = [
            (
                "laptop",
                "a nexmo JWT (RS256, sub = alice)",
                application.nexmo_credential("alice", self.system)?,
            ),
            (
                "tablet",
                "a kustomer JWT (HS256, email)",
                application.kustomer_credential("alice@example.com", self.system)?,
            ),
            (
                "watch",
                "a sinch ticket (HMAC, user alice)",
                application.sinch_ticket("alice", self.system)?,
            ),
        ];
        let mut devices = Vec::new();
        for (name, what, credential) in credentials {
            let body = json!({"credential": credential, "application_id": application.id,
                "device": {"name": name}});
            let answer = self.log_in(body).await?.accepted()?;
            let device = device(name, &answer);
            let texts = self.texts(&device, conversation).await?;
            let claim = format!("the {name} has the same history, by {what}");
            narrator.check(texts == before, &claim, &format!("{texts:?}"))?;
            devices.push(device);
        }
        let laptop = &devices[0];
        self.send(
            laptop,
            conversation,
            "Great, then I will order. (from my laptop)",
        )
        .await?;
        narrator.quote("Alice", "Great, then I will order. (from my laptop)")?;
        let on_phone = self.texts(phone, conversation).await?;
        let arrived = on_phone
            .last()
            .is_some_and(|text| text.contains("from my laptop"));
        narrator.check(arrived, "the phone reads it too", &format!("{on_phone:?}"))?;
        Ok(devices)
    }

    /// A user sees where they are logged in, and signs a device out.
    async fn my_devices(
        &self,
        narrator: &mut Narrator<'_>,
        phone: &Device,
        others: &[Device],
    ) -> Result<(), Failure> {
        narrator.chapter(
            "The watch is gone. Alice looks at her devices, and signs it out from the phone.",
        )?;
        let listed = self.get(phone, "/v1/devices").await?.accepted()?;
        let names: Vec<&str> = listed["devices"]
            .as_array()
            .map(|devices| devices.iter().filter_map(|d| d["name"].as_str()).collect())
            .unwrap_or_default();
        let all = ["phone", "laptop", "tablet", "watch"]
            .iter()
            .all(|n| names.contains(n));
        narrator.check(all, "she sees all four of them", &format!("{names:?}"))?;
        for device in others.iter().filter(|device| device.name == "watch") {
            let path = format!("/v1/sessions/{}", device.session);
            let call = Call::delete(&path).bearer(&phone.access_token);
            self.api.call(call).await?.accepted()?;
            let refused = self.get(device, "/v1/conversations").await?;
            narrator.check(
                refused.code() == Some(Code::SessionEnded),
                "the watch is refused at its next word: session_ended",
                &seen(&refused.json()),
            )?;
        }
        for device in others.iter().filter(|device| device.name != "watch") {
            let answer = self.get(device, "/v1/conversations").await?;
            let claim = format!("the {} goes on", device.name);
            narrator.check(answer.status.is_success(), &claim, &seen(&answer.json()))?;
        }
        Ok(())
    }

    /// A stolen credential opens nothing, and the refusal says why.
    async fn replay(&self, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
        narrator.chapter("Somebody has copied a credential from a log, and tries it again.")?;
        let credential = self
            .application
            .native_credential("customer-42", self.system)?;
        let body = json!({"credential": credential, "device": {"name": "desk"}});
        self.log_in(body.clone()).await?.accepted()?;
        let again = self.log_in(body).await?;
        let used = again.code() == Some(Code::CredentialUsed);
        narrator.check(
            used,
            "a credential opens one session only",
            &seen(&again.json()),
        )?;
        narrator.say(&format!("  {}", text(&again.json(), "detail")))?;
        narrator.say(&format!("  → {}", text(&again.json(), "hint")))?;
        Ok(())
    }

    async fn log_in(&self, body: Value) -> Result<Answer, Failure> {
        let call = Call::post("/v1/sessions", &body).bearer(&self.application.publishable_key);
        Ok(self.api.call(call).await?)
    }

    async fn get(&self, device: &Device, path: &str) -> Result<Answer, Failure> {
        let call = Call::get(path).bearer(&device.access_token);
        Ok(self.api.call(call).await?)
    }

    async fn post(&self, device: &Device, path: &str, body: Value) -> Result<Value, Failure> {
        let call = Call::post(path, &body).bearer(&device.access_token);
        Ok(self.api.call(call).await?.accepted()?)
    }

    async fn send(&self, device: &Device, conversation: &str, words: &str) -> Result<(), Failure> {
        let path = format!("/v1/conversations/{conversation}/events");
        self.post(
            device,
            &path,
            json!({"type": "text", "body": {"text": words}}),
        )
        .await?;
        Ok(())
    }

    async fn answer_as_support(&self, conversation: &str, words: &str) -> Result<(), Failure> {
        let path = format!("/v1/conversations/{conversation}/events");
        let body = json!({"type": "text", "body": {"text": words}});
        let call = Call::post(&path, &body).bearer(&self.application.api_key);
        self.api.call(call).await?.accepted()?;
        Ok(())
    }

    /// What was written in a conversation, as the device reads it.
    async fn texts(&self, device: &Device, conversation: &str) -> Result<Vec<String>, Failure> {
        let path = format!("/v1/conversations/{conversation}/events");
        let page = self.get(device, &path).await?.accepted()?;
        let events = page["events"].as_array().cloned().unwrap_or_default();
        let texts = events.iter().filter(|event| event["type"] == json!("text"));
        Ok(texts.map(|event| text(&event["body"], "text")).collect())
    }
}

fn device(name: &'static str, answer: &Value) -> Device {
    Device {
        name,
        access_token: text(answer, "access_token"),
        session: text(&answer["session"], "id"),
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// What was seen instead, without any token.
fn seen(body: &Value) -> String {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, _| !name.ends_with("_token"));
    }
    body.to_string()
}
