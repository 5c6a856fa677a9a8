//! Tearing and damaging a journal at every byte.

use honey_model::Fault;
use honey_ports::store::Journal;
use serde_json::{Value, json};

use super::{FileJournal, encode, is_sealed, parse};

fn records(count: usize) -> Vec<Value> {
    (0..count).map(|at| json!({ "record": "done", "address": format!("w/n{at}"), "text": "a\nb" })).collect()
}

#[test]
fn cut_anywhere_the_whole_records_before_the_cut_are_read() {
    let all = records(5);
    let bytes = encode(&all);
    for cut in 0..=bytes.len() {
        let (read, good) = parse(&bytes[..cut]).unwrap_or_else(|_| panic!("cut at {cut}"));
        assert_eq!(read, all[..read.len()]);
        assert_eq!(good, encode(&all[..read.len()]).len());
        assert!(read.len() == 5 || cut < encode(&all[..=read.len()]).len(), "no whole record is lost");
    }
}

#[test]
fn zeros_at_the_end_are_what_the_disk_never_got() {
    let all = records(2);
    let mut bytes = encode(&all);
    bytes.extend_from_slice(&[0; 300]);
    assert_eq!(parse(&bytes).ok().unwrap().0, all);
}

#[test]
fn damage_in_the_middle_is_named_and_not_repaired() {
    let all = records(4);
    let bytes = encode(&all);
    let third = encode(&all[..2]).len()..encode(&all[..3]).len();
    for at in third {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert_eq!(parse(&damaged).err().map(|damage| damage.record), Some(3), "byte {at}");
    }
}

#[test]
fn a_flipped_bit_in_the_last_record_is_not_taken_for_a_torn_one() {
    let all = records(2);
    let bytes = encode(&all);
    let inside = encode(&all[..1]).len()..bytes.len() - 1;
    for at in inside {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(parse(&damaged).is_err(), "byte {at}");
    }
}

/// Its first record holds the whole plan and may be cut after any length.
#[tokio::test]
async fn a_journal_without_a_whole_record_never_began() -> Result<(), Fault> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.journal");
    let first = json!({ "record": "begun", "plan": "p".repeat(20_000) });
    let bytes = encode(std::slice::from_ref(&first));
    for cut in [0, 1, 30, 4095, 4096, 5000, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert_eq!(is_sealed(&path)?, None, "cut at {cut}");
        FileJournal::create(&path)?.append(std::slice::from_ref(&first)).await?;
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "cut at {cut}");
        assert_eq!(is_sealed(&path)?, Some(false));
        assert!(FileJournal::create(&path).is_err(), "one that began is not begun again");
    }
    Ok(())
}

#[tokio::test]
async fn a_torn_file_is_cut_and_goes_on() -> Result<(), Fault> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.journal");
    FileJournal::create(&path)?.append(&records(3)).await?;
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 7]).unwrap();
    let (journal, read, torn) = FileJournal::open(&path)?;
    assert!(torn);
    assert_eq!(read, records(2));
    assert_eq!(is_sealed(&path)?, Some(false));
    journal.append(&[json!({ "record": "sealed" })]).await?;
    let (_, read, torn) = FileJournal::open(&path)?;
    assert_eq!((read.len(), torn), (3, false));
    assert_eq!(is_sealed(&path)?, Some(true));
    assert!(FileJournal::create(&path).is_err(), "a journal is never begun twice");
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_no_half_record() {
    // /dev/full takes nothing, as a full disk.
    let full = std::path::Path::new("/dev/full");
    let file = std::fs::OpenOptions::new().append(true).open(full).unwrap();
    let fault = FileJournal::with(full, file, 0).append(&records(1)).await.unwrap_err();
    assert_eq!(fault.code, "HNY0708");
    assert!(fault.message.contains("/dev/full"), "{}", fault.message);
}
