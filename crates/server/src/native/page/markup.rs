//! Text as HTML: escaped, and with the little that our descriptions mark up.

use std::borrow::Cow;

/// A text that means itself, in an element or between quotes.
pub(in crate::native) fn escaped(text: &str) -> Cow<'_, str> {
    const SPECIAL: [char; 5] = ['&', '<', '>', '"', '\''];
    if !text.contains(SPECIAL) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            other => written.push(other),
        }
    }
    Cow::Owned(written)
}

/// A sentence in which something stands between backticks.
pub(in crate::native) fn sentence(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 32);
    for (place, part) in text.split('`').enumerate() {
        let part = escaped(part);
        if place % 2 == 0 {
            written.push_str(&part);
        } else {
            written.push_str("<code>");
            written.push_str(&part);
            written.push_str("</code>");
        }
    }
    written
}

/// Paragraphs, and lists whose entries begin with a dash.
pub(in crate::native) fn prose(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 64);
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let entries = block
            .starts_with("- ")
            .then(|| block.split('\n').map(|line| line.trim_start_matches("- ")));
        match entries {
            Some(entries) => {
                written.push_str("<ul>");
                for entry in entries {
                    written.push_str(&format!("<li>{}</li>", sentence(entry)));
                }
                written.push_str("</ul>");
            }
            None => written.push_str(&format!("<p>{}</p>", sentence(block))),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_itself() {
        for (text, expected) in [
            ("", ""),
            ("plain ä", "plain ä"),
            ("<a b=\"c\">&'", "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"),
            ("&lt;", "&amp;lt;"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn what_is_marked_up_is_shown_so() {
        for (text, expected) in [
            ("a `b<c` d", "<p>a <code>b&lt;c</code> d</p>"),
            ("One.\n\nTwo.", "<p>One.</p><p>Two.</p>"),
            (
                "A:\n\n- x\n- `y`",
                "<p>A:</p><ul><li>x</li><li><code>y</code></li></ul>",
            ),
        ] {
            assert_eq!(prose(text), expected, "{text}");
        }
    }
}
