//! Markdown tables that are read by a rule as well as by people.
//!
//! A table stands between `<!-- tidy: NAME -->` and `<!-- tidy: end -->`. Between the two there may
//! be several tables and any prose; header rows are left out.

use crate::tidy::problem::Problem;

const END: &str = "<!-- tidy: end -->";

/// The body rows between the markers of `name`, as cells without outer space and backticks.
pub(crate) fn rows(place: &str, text: &str, name: &str) -> Result<Vec<Vec<String>>, Problem> {
    let begin = format!("<!-- tidy: {name} -->");
    let Some((_, after)) = text.split_once(&begin) else {
        return Err(Problem::new(
            place,
            format!("put the line `{begin}` before the table of {name}"),
        ));
    };
    let Some((inside, _)) = after.split_once(END) else {
        return Err(Problem::new(
            place,
            format!("put the line `{END}` after the table of {name}"),
        ));
    };

    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in inside
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with('|'))
    {
        if line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) {
            // The row above a delimiter row is the header.
            rows.pop();
        } else {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().replace('`', "")).collect());
        }
    }
    if rows.is_empty() {
        return Err(Problem::new(
            place,
            format!("the table of {name} has no rows: fill it in"),
        ));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&[&str]]) {
        assert_eq!(rows("doc.md", text, "edges").unwrap(), expected, "{text}");
    }

    fn check_refused(text: &str, expected: &str) {
        let problem = rows("doc.md", text, "edges").unwrap_err();
        assert_eq!(problem.place, "doc.md");
        assert!(problem.sentence.contains(expected), "{problem}");
    }

    #[test]
    fn rows_are_what_stands_between_the_markers() {
        check(
            "| no | row |\n<!-- tidy: edges -->\n| crate | to |\n|:---|---|\n| `a` | `b`, `c` |\n| d | |\n<!-- tidy: end -->\n| no | row |\n",
            &[&["a", "b, c"], &["d", ""]],
        );
    }

    #[test]
    fn each_of_several_tables_loses_its_header() {
        check(
            "<!-- tidy: edges -->\n| h |\n|---|\n| a |\n\nProse.\n\n| h |\n|---|\n| b |\n<!-- tidy: end -->",
            &[&["a"], &["b"]],
        );
    }

    #[test]
    fn missing_markers_and_empty_tables_say_what_to_do() {
        check_refused("| a |", "put the line `<!-- tidy: edges -->` before");
        check_refused(
            "<!-- tidy: edges -->\n| a |",
            "put the line `<!-- tidy: end -->` after",
        );
        check_refused(
            "<!-- tidy: edges -->\n| h |\n|---|\n<!-- tidy: end -->",
            "has no rows",
        );
    }
}
