//! The JSON schema of the format, for editors. The tests hold it to the reader.

use super::VERSION;
use super::words::{Device, DeviceFault, EVENTS, Reason, ReceiptWord, StepWord};
use serde_json::{Value, json};

/// The schema (JSON Schema, draft 2020-12).
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of visavis",
        "type": "object",
        "required": ["version", "title", "lasts", "person"],
        "additionalProperties": false,
        "properties": {
            "version": { "const": VERSION },
            "title": text("What the scenario is called"),
            "about": text("What it shows"),
            "lasts": time("How long it is played"),
            "person": { "type": "array", "minItems": 1, "items": person() },
            "step": { "type": "array", "items": step() },
            "expect": { "type": "array", "items": expect() },
        },
    })
}

fn person() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": text("The name in this scenario"),
            "user": text("The user id, if it is not the name: two persons may be one user"),
            "joins": time("When they join; 0s if it is missing"),
            "camera": flag("Whether the camera is on; true if it is missing"),
            "microphone": flag("Whether the microphone is on; true if it is missing"),
            "devices": one_of("How the devices behave", DeviceFault::ALL.iter().map(|(_, word, means)| (*word, *means))),
            "link": {
                "type": "object",
                "description": "The way to the server",
                "additionalProperties": false,
                "properties": {
                    "delay": time("In one direction"),
                    "jitter": time("What is added to the delay at most"),
                    "loss_percent": {
                        "type": "number", "minimum": 0, "maximum": 100, "description": "The share of lost packets",
                    },
                },
            },
        },
    })
}

fn step() -> Value {
    let words = StepWord::ALL.iter().map(|(_, word, means)| (*word, *means));
    let devices = Device::ALL.iter().map(|(_, word, means)| (*word, *means));
    json!({
        "type": "object",
        "required": ["at", "do"],
        "additionalProperties": false,
        "properties": {
            "at": time("When, from the beginning"),
            "do": one_of("What happens", words),
            "who": text("The name of the person"),
            "device": one_of("The device", devices),
            "for": time("After this time it is over"),
        },
    })
}

fn expect() -> Value {
    let reasons = Reason::ALL.iter().map(|(_, word, means)| (*word, *means));
    let receipt = ReceiptWord::ALL.iter().map(|(_, word, means)| (*word, *means));
    json!({
        "type": "object",
        "required": ["who"],
        "additionalProperties": false,
        "properties": {
            "who": text("The name of the person"),
            "events": {
                "type": "array",
                "description": "Events with fields of docs/events.md, in this order; others may come between them",
                "items": { "type": "object", "required": ["event"], "properties": { "event": { "enum": EVENTS } } },
            },
            "never": {
                "type": "array", "description": "Events that must not happen", "items": { "enum": EVENTS },
            },
            "exit": {
                "type": "object",
                "description": "How the stay must end",
                "additionalProperties": false,
                "properties": {
                    "reason": one_of("Why", reasons),
                    "within": time("The longest time of the exit"),
                    "confirmed": { "type": "array", "items": one_of("A confirmed step of the receipt", receipt) },
                },
            },
        },
    })
}

fn text(means: &str) -> Value {
    json!({ "type": "string", "description": means })
}

fn flag(means: &str) -> Value {
    json!({ "type": "boolean", "description": means })
}

fn time(means: &str) -> Value {
    json!({ "type": "string", "description": means, "examples": ["250ms", "3s", "1m 30s"] })
}

fn one_of<'a>(means: &str, words: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let all: Vec<Value> = words.map(|(word, means)| json!({ "const": word, "description": means })).collect();
    json!({ "description": means, "oneOf": all })
}
