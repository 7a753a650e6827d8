//! How numbers are written for people.

/// A number of bytes, such as `12.3 MiB`.
#[allow(clippy::cast_precision_loss)] // Three digits are shown.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        // 1023.95 is written 1024.0.
        if value < 1023.95 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// Bytes a second, such as `1.5 MiB/s`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Negative ones become 0, and there are none.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", bytes(per_second.round() as u64))
}

/// A time that something takes, such as `350 ms`, `12.34 s`, `2m05s`, `1h02m` or `1d01h`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Negative ones become 0, and there are none.
pub fn duration(seconds: f64) -> String {
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 59.995 {
        return format!("{seconds:.2} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
        86_400..8_640_000 => format!("{}d{:02}h", whole / 86_400, whole % 86_400 / 3600),
        _ => ">99d".to_owned(),
    }
}

/// How long ago something was, in its largest unit: `5s`, `3m`, `2h`, `4d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
