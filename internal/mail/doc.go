// Package mail hands rendered messages to an SMTP server, in phases, over
// connections that are reused. Between Begin and Finish the whole message but
// its final dot has been written: this is where the ledger commits that the dot
// may be sent. go-mail dials, does TLS and AUTH; the dialogue is ours, because a
// client that closes an open DATA politely delivers half a message.
//
// Sources: RFC 5321 (SMTP), RFC 2920 (pipelining), RFC 3207 (STARTTLS),
// RFC 3463 (enhanced codes), RFC 6531 (SMTPUTF8).
package mail
