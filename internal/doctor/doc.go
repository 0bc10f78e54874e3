// Package doctor looks at a sender's domain as mailbox providers do: at what DNS says
// of who may send for it (SPF, DKIM, DMARC), whether mail to it arrives (MX), by which
// names the sending addresses go (PTR), and whether the line is encrypted. Of all that
// is wrong it says the mend, with the very record to write into DNS.
//
// It only asks. What it asks is a resolver of choice, so that a change can be seen at
// the name server itself before the rest of the world has it.
package doctor
