// Package inbound reads mail that comes back: reports of delivery (RFC 3464),
// bounces in no standard form, complaints (RFC 5965), automatic replies and
// replies by people. Parse says what a message is and whom it is about, and does
// nothing; a Desk finds the mail of ours that it is about, and has it recorded. It takes what mail programs have made in forty years: any line ends,
// broken MIME, 8-bit headers, old charsets. What it reads is bounded, so that no
// message takes long or much memory, whatever it holds.
package inbound
