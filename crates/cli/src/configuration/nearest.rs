//! What was probably meant by a name that nobody knows.

/// How many changes of single characters are taken for a slip of the pen.
const CHANGES_MAX: usize = 2;

/// The known name that takes the fewest changes to get to, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (distance(name, known), known))
        .filter(|(changes, _)| *changes <= CHANGES_MAX)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, known)| known)
}

/// How many characters have to be inserted, removed or replaced to make one text
/// of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // The distances of what was read of `one` to every beginning of `other`.
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (read, left) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = read + 1;
        for (index, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_single_changes() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "listen", 6),
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("listten", "listen", 1),
            ("liston", "listen", 1),
            ("data-dir", "data_dir", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn the_nearest_is_near() {
        let nearest = |name| nearest(name, ["listen", "data_dir"].into_iter());
        assert_eq!(nearest("listn"), Some("listen"));
        assert_eq!(nearest("datadir"), Some("data_dir"));
        assert_eq!(nearest("port"), None);
    }
}
