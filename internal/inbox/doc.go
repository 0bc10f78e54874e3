// Package inbox is the mailbox that Tidings brings along for demo and
// development: an SMTP server on this machine that delivers to nobody, keeps
// the last mails in memory and shows them in a browser.
package inbox
