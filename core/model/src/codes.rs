//! The registry of diagnostic codes: one page each in `codes/`.
//!
//! A code is never reused. Adding one: a constant's text in the code that
//! raises it, a page `codes/HNYnnnn.md`, and a line here.

macro_rules! pages {
    ($($code:literal),* $(,)?) => {
        /// Every code with its page in Markdown, sorted.
        pub const PAGES: &[(&str, &str)] = &[$(($code, include_str!(concat!("codes/", $code, ".md")))),*];
    };
}

pages![
    "HNY0001", "HNY0101", "HNY0102", "HNY0103", "HNY0104", "HNY0105", "HNY0106", "HNY0107", "HNY0108",
    "HNY0109", "HNY0110", "HNY0111", "HNY0112", "HNY0113", "HNY0114", "HNY0115", "HNY0116", "HNY0117",
    "HNY0118", "HNY0119", "HNY0120", "HNY0121", "HNY0122", "HNY0123", "HNY0180", "HNY0181", "HNY0182",
    "HNY0183", "HNY0184", "HNY0185", "HNY0186", "HNY0187", "HNY0188", "HNY0189", "HNY0190", "HNY0191",
    "HNY0192", "HNY0201", "HNY0202", "HNY0203", "HNY0204", "HNY0205", "HNY0206", "HNY0207", "HNY0208",
    "HNY0209", "HNY0210", "HNY0211", "HNY0212", "HNY0213", "HNY0214", "HNY0215", "HNY0216", "HNY0217",
    "HNY0218", "HNY0219", "HNY0280", "HNY0281", "HNY0301", "HNY0302", "HNY0303", "HNY0304", "HNY0305",
    "HNY0306", "HNY0307", "HNY0308", "HNY0309", "HNY0310", "HNY0380", "HNY0383", "HNY0384", "HNY0385",
    "HNY0386", "HNY0401", "HNY0402", "HNY0403", "HNY0404", "HNY0405", "HNY0406", "HNY0407", "HNY0408",
    "HNY0409", "HNY0410", "HNY0411", "HNY0412", "HNY0413", "HNY0414", "HNY0415", "HNY0416", "HNY0417",
    "HNY0418", "HNY0419", "HNY0420", "HNY0421", "HNY0422", "HNY0485", "HNY0486", "HNY0487", "HNY0488",
    "HNY0489", "HNY0501", "HNY0502", "HNY0503", "HNY0504", "HNY0505", "HNY0506", "HNY0507", "HNY0508",
    "HNY0509", "HNY0510", "HNY0511", "HNY0512", "HNY0513", "HNY0514", "HNY0515", "HNY0516", "HNY0517",
    "HNY0518", "HNY0519", "HNY0520", "HNY0521", "HNY0522", "HNY0523", "HNY0540", "HNY0541", "HNY0580",
    "HNY0581", "HNY0582", "HNY0583", "HNY0584", "HNY0585", "HNY0586", "HNY0589", "HNY0590", "HNY0591",
    "HNY0592", "HNY0593", "HNY0594", "HNY0595", "HNY0596", "HNY0597", "HNY0601", "HNY0602", "HNY0603",
    "HNY0604", "HNY0605", "HNY0606", "HNY0607", "HNY0608", "HNY0609", "HNY0610", "HNY0611", "HNY0612",
    "HNY0613", "HNY0614", "HNY0615", "HNY0616", "HNY0617", "HNY0618", "HNY0630", "HNY0631", "HNY0632",
    "HNY0633", "HNY0634", "HNY0635", "HNY0640", "HNY0641", "HNY0642", "HNY0643", "HNY0680", "HNY0681",
    "HNY0682", "HNY0683", "HNY0684", "HNY0685", "HNY0686", "HNY0687", "HNY0701", "HNY0702", "HNY0703",
    "HNY0704", "HNY0705", "HNY0706", "HNY0707", "HNY0708", "HNY0709", "HNY0710", "HNY0711", "HNY0712",
    "HNY0780", "HNY0801", "HNY0810", "HNY0811", "HNY0812", "HNY0813", "HNY0814", "HNY0815", "HNY0816",
    "HNY0817", "HNY0818", "HNY0819", "HNY0820", "HNY0821", "HNY0822", "HNY0823", "HNY0824", "HNY0830",
    "HNY0840", "HNY0842", "HNY0843", "HNY0844", "HNY0845", "HNY0846", "HNY0847", "HNY0850", "HNY0851",
    "HNY0852", "HNY0853", "HNY0854", "HNY0855", "HNY0856", "HNY0857", "HNY0860", "HNY0861", "HNY0862",
    "HNY0901", "HNY0902", "HNY0903", "HNY0904", "HNY0905", "HNY0906", "HNY0907", "HNY0909", "HNY0910",
    "HNY0911", "HNY0912", "HNY0913", "HNY0914", "HNY0915",
];

/// Codes that honey gives to warnings: those that `[diagnostics] acknowledge` may name.
pub const WARNINGS: &[&str] = &[
    "HNY0107", "HNY0190", "HNY0192", "HNY0215", "HNY0216", "HNY0218", "HNY0383", "HNY0596", "HNY0681",
    "HNY0684", "HNY0711", "HNY0823",
];

/// Whether a code stands for a warning; codes are accepted in any case.
pub fn is_warning(code: &str) -> bool {
    WARNINGS.iter().any(|known| known.eq_ignore_ascii_case(code))
}

/// The page of a code; codes are accepted in any case.
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests {
    use super::PAGES;

    #[test]
    fn pages_are_sorted_titled_and_complete() {
        assert!(PAGES.windows(2).all(|pair| pair[0].0 < pair[1].0), "sorted, no code twice");
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}: ")), "{code} starts with its title");
            assert!(page.contains("## What to do"), "{code} says what to do");
        }
    }

    /// Every Rust file below a folder.
    fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn the_warnings_are_those_that_the_sources_raise() {
        let core = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut texts = Vec::new();
        for folder in std::fs::read_dir(core).unwrap() {
            let source = folder.unwrap().path().join("src");
            if source.is_dir() {
                sources(&source, &mut texts);
            }
        }
        let call = ["Diagnostic::", "warning("].concat();
        let raised: std::collections::BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| text.split(call.as_str()).skip(1))
            .filter_map(|rest| rest.trim_start().strip_prefix('"')?.get(..7))
            .filter(|code| code.starts_with("HNY"))
            .collect();
        assert!(raised.len() > 5, "the sources were read");
        assert_eq!(raised.into_iter().collect::<Vec<_>>(), super::WARNINGS, "WARNINGS is current and sorted");
    }

    #[test]
    fn every_page_file_is_registered() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let known: Vec<&str> = PAGES.iter().map(|(code, _)| *code).collect();
        assert_eq!(files, known);
    }
}
