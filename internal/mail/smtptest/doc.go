// Package smtptest is a small SMTP server for tests: it records what it accepts
// and misbehaves on demand, at any verb, on either side of the final dot.
package smtptest
