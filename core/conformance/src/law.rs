//! The laws: what each promises, and how to mend a plugin that breaks it.

macro_rules! laws {
    ($($variant:ident = $name:literal: $promise:literal, $mend:literal;)*) => {
        /// A law that every plugin keeps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Law {
            $(#[doc = $promise] $variant,)*
        }

        impl Law {
            /// All of them, in the order in which they are looked at.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it promises.
            pub fn promise(self) -> &'static str {
                match self { $(Self::$variant => $promise),* }
            }

            /// How to mend a plugin that breaks it.
            pub fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend),* }
            }
        }
    };
}

laws! {
    Loads = "loads":
        "the artifact loads with what its manifest asks for, and takes its settings",
        "look at what `honey plugin inspect` shows; ask in plugin.toml for what the code imports";
    NoAmbientAuthority = "no-ambient-authority":
        "nothing is reached but honey's own interfaces: no clock, socket or file of WASI",
        "use honey:plugin/clock and honey:plugin/http (honey_sdk::clock, honey_sdk::http) instead of the standard library's";
    CheckIsPure = "check-is-pure":
        "check talks to nobody",
        "move what needs the vendor into read or apply";
    CheckIsStable = "check-is-stable":
        "the same desired value has the same normal form each time",
        "leave random numbers, clocks and hash order out of check";
    CheckIsIdempotent = "check-is-idempotent":
        "the normal form of a normal form is itself",
        "let check recognise what it has normalised already";
    CheckAcceptsUnknown = "check-accepts-unknown":
        "a field whose value is not known yet is no error",
        "ask `findings.is_unknown(field)` before you complain about an absent field";
    ReadsChangeNothing = "reads-change-nothing":
        "read makes, changes and deletes nothing",
        "move every change into apply";
    CreateMakesOne = "create-makes-one":
        "create makes exactly one object",
        "make the object with one request; name in `makes` of conformance.toml what one create makes on purpose";
    ReadAfterCreateEqualsDesired = "read-after-create-equals-desired":
        "what check normalises is what read finds afterwards: a second plan is empty",
        "bring check and read to the same form: same defaults, order, case and units; mark fields that the vendor does not tell back create-only";
    ApplyTellsWhatReadFinds = "apply-tells-what-read-finds":
        "apply gives back the same id, attributes and ownership that read finds",
        "build both from the same function over the vendor's answer";
    CreateTwiceMakesOne = "create-twice-makes-one":
        "a create that is repeated finds its first object",
        "put marks on what you create, and let read without an id look for them";
    OwnersAreRespected = "owners-are-respected":
        "objects of another owner and of nobody are told as such and never taken over by a create",
        "put owner and address on what you create (marks::Marks) and tell ownership from them";
    UpdateConverges = "update-converges":
        "after an update, read finds what was wanted; the same update again changes nothing",
        "send every field that may change, and read it back from the vendor";
    AdoptTakesOver = "adopt-takes-over":
        "adopt puts marks on an object that a person made, and makes no second one",
        "write marks in update or adopt, and let read without an id find the object by its natural name";
    DeleteLeavesNothing = "delete-leaves-nothing":
        "after a delete, nothing of the object is left and read finds nothing",
        "delete what create made beside the object, and treat the vendor's 404 as absent";
    DeleteTwiceIsDone = "delete-twice-is-done":
        "deleting what is gone is done, not a fault",
        "treat 404 of a delete as success (`gone_is_done`)";
    InterruptionMakesNoSecond = "interruption-makes-no-second":
        "killed at any host call and resumed, it comes to exactly one object, as wanted",
        "checkpoint the vendor's id as soon as it is known, go on from `resume`, and look for marks where there is none";
    LostAnswerMakesNoSecond = "lost-answer-makes-no-second":
        "where the vendor acted and its answer was lost, trying again comes to exactly one object",
        "never mark a create idempotent; look for marks before you make anything";
    FaultsHaveTheirClass = "faults-have-their-class":
        "each refusal has the class that tells honey whether to wait, retry or stop",
        "take the class from the status (Client does), and from the vendor's code where that says more";
    VendorWordsAreKept = "vendor-words-are-kept":
        "a refusal keeps the vendor's own status, code and words",
        "read the vendor's error body in `Client::refusals`";
    StaysWithinLimits = "stays-within-limits":
        "no call loops, traps, or asks for more memory, time or output than the manifest says",
        "bound what you keep, end every loop, return faults instead of panics; raise [limits] where it is really needed";
    EndsWhenAsked = "ends-when-asked":
        "a cancelled call changes nothing more and says `canceled`; a call out of time says `timeout`",
        "hand faults of the host on as they are, and call ctx.check_canceled() in your own loops";
    UnknownFieldsAreTolerated = "unknown-fields-are-tolerated":
        "fields that a vendor adds later change nothing",
        "do not deny unknown fields in types that read answers";
    HostileAnswersAreFaults = "hostile-answers-are-faults":
        "an answer that is not what was promised is a typed fault, never a trap",
        "parse answers into types and hand parse errors on as `malformed`; no unwrap, no index without a look";
    FindsBehindPages = "finds-behind-pages":
        "an object on the last page of a list is found",
        "follow the vendor's pages to the end (paging::all)";
    SecretsStayHidden = "secrets-stay-hidden":
        "no secret is in attributes, outputs, logs, progress, checkpoints or faults",
        "capture secrets of replies (`.capture(pointer, name)`) and tell the secret's name only";
}

impl Law {
    /// The law of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|law| law.name() == name)
    }
}
