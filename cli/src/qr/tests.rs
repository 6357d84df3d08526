//! What is drawn is the code, read back from the characters, with light all around it.

use super::*;

/// The modules as somebody sees them who looks at what was drawn.
fn seen(qr: &Qr, ink: Ink) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for line in qr.draw(ink).lines() {
        let line = match ink {
            Ink::Colors => line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(PLAIN).unwrap(),
            Ink::Plain | Ink::Paper => line,
        };
        let dark = ink != Ink::Plain;
        let halves = |upper: [char; 2]| line.chars().map(|c| upper.contains(&c) == dark).collect::<Vec<_>>();
        rows.push(halves(['█', '▀']));
        rows.push(halves(['█', '▄']));
    }
    rows
}

#[test]
fn what_is_drawn_is_the_code_in_every_ink() {
    let text = "bowline1-".repeat(30);
    let qr = Qr::of(&text).unwrap();
    let code = QrCode::with_error_correction_level(&text, EcLevel::L).unwrap();
    for ink in [Ink::Colors, Ink::Plain, Ink::Paper] {
        let seen = seen(&qr, ink);
        for (y, row) in seen.iter().take(qr.columns()).enumerate() {
            assert_eq!(row.len(), qr.columns());
            for (x, dark) in row.iter().enumerate() {
                let inside =
                    (QUIET..QUIET + code.width()).contains(&x) && (QUIET..QUIET + code.width()).contains(&y);
                let expected = inside && code[(x - QUIET.min(x), y - QUIET.min(y))] == Color::Dark;
                assert_eq!(*dark, expected, "{ink:?} {x} {y}");
            }
        }
    }
}

#[test]
fn around_the_code_there_are_four_light_modules_and_below_the_last_row_no_dark_one() {
    let qr = Qr::of("bowline1-").unwrap();
    let seen = seen(&qr, Ink::Colors);
    let side = qr.columns();
    assert_eq!(seen.len(), side.next_multiple_of(2));
    let is_quiet = |x: usize, y: usize| x < 4 || y < 4 || x >= side - 4 || y >= side - 4;
    for (y, row) in seen.iter().enumerate() {
        for (x, dark) in row.iter().enumerate() {
            assert!(!(*dark && is_quiet(x, y)), "{x} {y}");
        }
    }
    assert!(seen[4][4], "the corner of the first finder is dark");
}

#[test]
fn a_code_with_an_ordinary_address_fits_a_terminal_of_80_columns() {
    // A pinned address on a host with a long name and a port, and everything else that a code holds.
    let qr = Qr::of(&"x".repeat(425)).unwrap();
    assert!(qr.columns() <= 80, "{}", qr.columns());
    assert!(Qr::of(&"x".repeat(4000)).is_none(), "more than any QR code holds");
}
