package inbox

import (
	"net/textproto"
	"strings"
	"time"
)

// Mail is one mail for one recipient. What a malformed mail lacks is empty;
// Raw always holds it as it came.
type Mail struct {
	ID       int64     // from 1, in the order of acceptance
	At       time.Time // of acceptance
	Sender   string    // envelope sender, where bounces would go
	To       string    // envelope recipient
	From     string    // the header, decoded
	Subject  string    // the header, decoded
	Campaign string    // what the mail says it belongs to; see campaignOf
	Header   Header
	HTML     string   // first HTML part, in UTF-8
	Text     string   // first plain part, in UTF-8
	Links    []string // http and https targets in order, each once: of HTML, else of Text
	Images   []string // http and https images of HTML, each once; the pixel among them
	Problem  string   // why some of the mail could not be read; empty: all could
	Raw      []byte
}

// Header is the header of a mail, decoded, in its order.
type Header []Field

// Field is a line of a header.
type Field struct{ Name, Value string }

// Get is the value of the first field of a name, whatever its case.
func (h Header) Get(name string) string {
	name = textproto.CanonicalMIMEHeaderKey(name)
	for _, f := range h {
		if textproto.CanonicalMIMEHeaderKey(f.Name) == name {
			return f.Value
		}
	}
	return ""
}

// campaignOf reads the campaign from what bulk mail carries for its receivers:
// the first of the fields of Feedback-ID, else the first label of List-Id.
func campaignOf(h Header) string {
	if id, _, _ := strings.Cut(h.Get("Feedback-ID"), ":"); id != "" {
		return strings.TrimSpace(id)
	}
	id := h.Get("List-Id")
	if i := strings.LastIndexByte(id, '<'); i >= 0 {
		id = id[i+1:]
	}
	id, _, _ = strings.Cut(strings.TrimRight(strings.TrimSpace(id), ">"), ".")
	return id
}
