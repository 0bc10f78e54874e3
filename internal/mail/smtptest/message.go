package smtptest

import (
	"bufio"
	"bytes"
	"net/textproto"
)

// IDHeader names the header that carries a message's id in the ledger.
const IDHeader = "X-Tidings-Message"

// Message is a mail as it was taken, or as far as it came.
type Message struct {
	ID       string // of the header X-Tidings-Message
	From, To string // envelope
	Session  int    // the connection, from 1
	Params   string // behind the address in MAIL
	Helo     string // the client's name
	Body     []byte // as its author wrote it
	Wire     []byte // as it came, dots doubled, without the final dot's line
}

// newMessage undoes the doubling of dots.
func newMessage(m Message, wire []byte, keep bool) Message {
	body := make([]byte, 0, len(wire))
	for line := range bytes.SplitAfterSeq(wire, []byte("\r\n")) {
		body = append(body, bytes.TrimPrefix(line, []byte("."))...)
	}
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(body))).ReadMIMEHeader()
	m.ID = header.Get(IDHeader)
	if keep {
		m.Body, m.Wire = body, bytes.Clone(wire)
	}
	return m
}
