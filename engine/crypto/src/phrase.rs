//! A recovery phrase: 24 words on paper, from which the keys of a person's recovery device follow, and the secret of the link by which
//! it comes into a workspace.

use bip39::{Language, Mnemonic};
use bowline_wire::ids::WorkspaceId;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::derive::{Label, hkdf};
use crate::keys::{DEVICE_KEYS_LEN, DeviceKeys, TicketSecret};

/// How many words a phrase has: 256 random bits, and 8 that check them.
pub const PHRASE_WORDS: usize = 24;

/// How many links are made for one phrase in one workspace at most: each that was not used in time is one of them.
pub const MAX_PHRASE_LINKS: u32 = 1024;

const ENTROPY_LEN: usize = 32;

/// Whoever has it is the person's recovery device, wherever that is in.
#[derive(ZeroizeOnDrop)]
pub struct RecoveryPhrase {
    entropy: [u8; ENTROPY_LEN],
}

opaque_debug!(RecoveryPhrase);

/// Why words are not a recovery phrase. Says none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PhraseError {
    /// Another number of words.
    #[error("a recovery phrase has {PHRASE_WORDS} words, and these are {0}")]
    Count(usize),
    /// The word of this number, from 1, is not one of the list.
    #[error("word {0} is not one of the words that a recovery phrase has")]
    Unknown(usize),
    /// All are words of the list, and together they are not a phrase.
    #[error("the words do not fit together: one is another word, or two have changed places")]
    Checksum,
}

impl RecoveryPhrase {
    /// A new phrase.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut phrase = Self { entropy: [0; ENTROPY_LEN] };
        rng.fill_bytes(&mut phrase.entropy);
        phrase
    }

    /// Reads words as people type them: in whatever case, with white space of any kind between them.
    ///
    /// # Errors
    /// What is wrong with them, and at which word.
    pub fn parse(typed: &str) -> Result<Self, PhraseError> {
        let mut words = Zeroizing::new(String::with_capacity(typed.len()));
        let mut count = 0;
        for word in typed.split_whitespace() {
            if count > 0 {
                words.push(' ');
            }
            words.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
            count += 1;
        }
        if count != PHRASE_WORDS {
            return Err(PhraseError::Count(count));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words).map_err(|why| match why {
            bip39::Error::UnknownWord(place) => PhraseError::Unknown(place + 1),
            _ => PhraseError::Checksum,
        })?;
        let (bytes, _) = mnemonic.to_entropy_array();
        let bytes = Zeroizing::new(bytes);
        let mut phrase = Self { entropy: [0; ENTROPY_LEN] };
        phrase.entropy.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        Ok(phrase)
    }

    /// The words, in order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let Ok(mnemonic) = Mnemonic::from_entropy_in(Language::English, &self.entropy) else {
            unreachable!("any 32 bytes are a phrase");
        };
        mnemonic.words().collect::<Vec<_>>().into_iter()
    }

    /// The keys of the person's recovery device: the same in every workspace, so that a relay that is asked for it by its id finds all of
    /// them.
    pub fn device_keys(&self) -> DeviceKeys {
        let signing: Zeroizing<[u8; 32]> = hkdf(&self.entropy, &[], &[Label::PHRASE_SIGNING.as_bytes()]);
        let hpke: Zeroizing<[u8; 32]> = hkdf(&self.entropy, &[], &[Label::PHRASE_HPKE.as_bytes()]);
        let mut bytes = Zeroizing::new([0; DEVICE_KEYS_LEN]);
        bytes.iter_mut().zip(signing.iter().chain(hpke.iter())).for_each(|(to, from)| *to = *from);
        DeviceKeys::from_bytes(&bytes)
    }

    /// The secret of the link by which the recovery device comes into a workspace, the `nth` that was made there, of
    /// [`MAX_PHRASE_LINKS`]: whoever has the phrase
    /// opens what was wrapped to it, so that no key has to be wrapped again for a device that is words on paper.
    pub fn ticket_secret(&self, workspace: WorkspaceId, nth: u32) -> TicketSecret {
        let info = [Label::PHRASE_TICKET.as_bytes(), workspace.as_bytes(), &nth.to_be_bytes()];
        TicketSecret::from_bytes(&hkdf(&self.entropy, &[], &info))
    }
}

#[cfg(test)]
mod tests;
