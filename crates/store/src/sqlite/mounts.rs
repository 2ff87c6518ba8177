//! The kind of file system below a path, by the table of mounts: what statfs(2)
//! calls FUSE is a local disk or a remote host, and only the table says which.

use std::path::{Path, PathBuf};

/// The kind of a network file system that FUSE passes in, if that is what lies
/// below the path by this text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
/// A kind that is not known counts as a local disk.
pub(super) fn network_kind(mounts: &str, path: &Path) -> Option<&'static str> {
    let kind = kind_below(mounts, path)?;
    // The word after the dot is the program's; a few call themselves otherwise.
    KINDS
        .into_iter()
        .find(|(type_, _)| *type_ == kind)
        .map(|(_, name)| name)
}

/// Types of mounts, and what people call them.
const KINDS: [(&str, &str); 21] = [
    ("fuse.sshfs", "SSHFS"),
    ("fuse.glusterfs", "GlusterFS"),
    ("fuse.ceph", "Ceph"),
    ("fuse.ceph-fuse", "Ceph"),
    ("fuse.s3fs", "S3"),
    ("fuse.goofys", "S3"),
    ("fuse.geesefs", "S3"),
    ("fuse.mount-s3", "S3"),
    ("fuse.gcsfuse", "Cloud Storage"),
    ("fuse.blobfuse", "Blob Storage"),
    ("fuse.blobfuse2", "Blob Storage"),
    ("fuse.rclone", "rclone"),
    ("fuse.juicefs", "JuiceFS"),
    ("fuse.mfs", "MooseFS"),
    ("fuse.lizardfs", "LizardFS"),
    ("fuse.seaweedfs", "SeaweedFS"),
    ("fuse.objectivefs", "ObjectiveFS"),
    ("fuse.curlftpfs", "FTP"),
    ("fuse.smbnetfs", "SMB"),
    ("fuse.gvfsd-fuse", "GVfs"),
    ("fuse.davfs2", "WebDAV"),
];

/// The type of the mount that the path lies in: the longest one above it, and of
/// several at one place the last, which covers the others.
fn kind_below<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        // A number of optional fields ends with a dash of its own.
        let (place, type_) = line.split_once(" - ")?;
        let place = unescaped(place.split(' ').nth(4)?);
        let type_ = type_.split(' ').next()?;
        path.starts_with(&place).then_some((place, type_))
    });
    mounts
        .max_by_key(|(place, _)| place.components().count())
        .map(|(_, type_)| type_)
}

/// A place as the table writes it: blanks, line breaks and backslashes are three
/// octal digits behind a backslash.
fn unescaped(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut place = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..3).map(|digits| u8::from_str_radix(digits, 8));
        match (digits, part.get(3..)) {
            (Some(Ok(byte)), Some(rest)) => {
                place.push(char::from(byte));
                place.push_str(rest);
            }
            (_, _) => {
                place.push('\\');
                place.push_str(part);
            }
        }
    }
    PathBuf::from(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /mnt rw - tmpfs tmpfs rw
31 30 0:40 / /mnt/far rw,nosuid shared:2 master:3 - fuse.sshfs user@host:/srv rw,user_id=0
32 31 8:2 / /mnt/far/near rw - ext4 /dev/sdb1 rw
33 22 0:41 / /mnt/two\\040words rw - fuse.glusterfs host:/volume rw
34 22 0:42 / /srv rw - ext4 /dev/sdc1 rw
35 22 0:43 / /srv rw - fuse.rclone remote: rw
36 22 0:44 / /windows rw - fuseblk /dev/sdd1 rw
37 22 0:45 / /mnt/own rw - fuse.somebodys /dev/fuse rw
not a line of it
";

    #[test]
    fn what_fuse_passes_in_is_told_by_the_table_of_mounts() {
        for (path, expected) in [
            ("/", None),
            ("/var/lib/countersign", None),
            ("/mnt/data", None),
            ("/mnt/far", Some("SSHFS")),
            ("/mnt/far/data", Some("SSHFS")),
            ("/mnt/farther", None),
            ("/mnt/far/near/data", None),
            ("/mnt/two words/data", Some("GlusterFS")),
            ("/srv/data", Some("rclone")),
            ("/windows/data", None),
            ("/mnt/own", None),
        ] {
            assert_eq!(network_kind(MOUNTS, Path::new(path)), expected, "{path}");
        }
        assert_eq!(network_kind("", Path::new("/")), None);
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for (field, expected) in [
            ("/a", "/a"),
            ("/a\\040b\\134c", "/a b\\c"),
            ("/a\\", "/a\\"),
            ("/a\\9", "/a\\9"),
            ("/ä\\ä", "/ä\\ä"),
        ] {
            assert_eq!(unescaped(field), Path::new(expected), "{field}");
        }
    }
}
