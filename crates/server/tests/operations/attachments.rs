//! Files: who may attach and read them, how large they are, how they are served.

use countersign_core::limit::ATTACHMENT_BYTES_MAX;
use countersign_server::operations::Operations;

use crate::node::{Node, Reply, text};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn upload(node: &Node, bearer: &str, conversation: &str, content: &[u8]) -> Reply {
    let path = format!("/v1/conversations/{conversation}/attachments?name=a%20b.png");
    let call = node.call("POST", &path).bearer(bearer);
    call.header("content-type", "text/html")
        .send_body(content.to_vec())
        .await
}

async fn read(node: &Node, bearer: &str, url: &str) -> Reply {
    node.call("GET", url).bearer(bearer).send().await
}

#[tokio::test]
async fn a_file_comes_back_as_a_download() {
    let node = Node::new(Operations::default()).await;
    let visitor = node.visitor().await;
    let conversation = node.conversation(&visitor).await;
    for (content, expected) in [
        (PNG, "image/png"),
        (b"<script>x()</script>", "application/octet-stream"),
        (b"<svg onload=\"x()\"/>", "application/octet-stream"),
    ] {
        let made = upload(&node, &visitor, &conversation, content)
            .await
            .json(201);
        assert!(text(&made["id"]).starts_with("ATT-"), "{made}");
        let url = text(&made["url"]);
        let reply = read(&node, &visitor, &url).await;
        assert_eq!((reply.status, &reply.body[..]), (200, content));
        for (name, value) in [
            ("content-type", expected),
            (
                "content-disposition",
                "attachment; filename*=UTF-8''a%20b.png",
            ),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn files_are_for_members_and_backends() {
    let node = Node::new(Operations::default()).await;
    let (visitor, stranger) = (node.visitor().await, node.visitor().await);
    let conversation = node.conversation(&visitor).await;
    let made = upload(&node, &visitor, &conversation, PNG).await.json(201);
    let url = text(&made["url"]);
    for (bearer, expected) in [
        (&visitor, 200),
        (&node.key, 200),
        (&node.admin, 200),
        (&stranger, 404),
        (&node.publishable, 403),
    ] {
        let found = read(&node, bearer, &url).await;
        assert_eq!(found.status, expected, "{}", found.text());
        let expected = if expected == 200 { 201 } else { expected };
        let sent = upload(&node, bearer, &conversation, PNG).await;
        assert_eq!(sent.status, expected, "{}", sent.text());
    }
    assert_eq!(
        node.call("GET", &url).send().await.code(401),
        "no_credential"
    );
    let path = format!("/v1/conversations/{conversation}/attachments");
    let nobody = node.call("POST", &path).send_body(PNG).await;
    assert_eq!(nobody.code(401), "no_credential");
    // What is there and what is not are told apart by nothing.
    let nothing = read(
        &node,
        &stranger,
        "/v1/media/ATT-01890000-0000-7000-8000-000000000000",
    );
    let (nothing, hidden) = (nothing.await, read(&node, &stranger, &url).await);
    assert_eq!(nothing.json(404), hidden.json(404));
    let delete = node.call("DELETE", &format!("/v1/conversations/{conversation}"));
    assert_eq!(delete.bearer(&visitor).send().await.status, 204);
    assert_eq!(read(&node, &node.key, &url).await.status, 404);
}

#[tokio::test]
async fn a_file_has_a_size_and_a_user_a_quota() {
    let node = Node::new(Operations::default()).await;
    let visitor = node.visitor().await;
    let conversation = node.conversation(&visitor).await;
    let largest = vec![0; ATTACHMENT_BYTES_MAX];
    let empty = upload(&node, &visitor, &conversation, b"").await;
    assert_eq!(empty.code(400), "bad_request");
    let mut larger = largest.clone();
    larger.push(0);
    let refused = upload(&node, &visitor, &conversation, &larger).await;
    assert_eq!(refused.code(413), "too_large");
    // 100 MiB hold twenty of the largest; the refused ones take no room.
    for _ in 0..20 {
        let sent = upload(&node, &visitor, &conversation, &largest).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
    }
    let refused = upload(&node, &visitor, &conversation, PNG).await;
    assert_eq!(refused.code(413), "too_large");
    let other = upload(&node, &node.key, &conversation, PNG).await;
    assert_eq!(other.status, 201, "a quota is each author's own");
    let named = format!("/v1/conversations/{conversation}/attachments?name=..%2Fa");
    let call = node.call("POST", &named).bearer(&node.key);
    assert_eq!(call.send_body(PNG).await.code(400), "bad_request");
}
