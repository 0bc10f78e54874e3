// Package render turns a claimed message into the bytes of an email.
//
// Compile does once what can be done once. It joins layout, template and
// partials into one source, finds out where in the HTML each output stands,
// inlines the CSS, prepares the links, and reports all that is wrong. Render
// then fills in one customer's data, makes the text part from the HTML, and
// builds the message.
//
// The Liquid library evaluates expressions, conditions and loops. All writing
// is done by tags of our own, because the rules are ours: an output escapes for
// the place where it stands, a missing value stops the message instead of
// leaving a hole, and no template can run or grow without end.
package render

import "strconv"

// Error says where in the workspace something stopped a message. Line 0 is the
// file as a whole.
type Error struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters; 0: not known
	Message string
}

// Error writes file:line: message.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return e.File + ":" + strconv.Itoa(e.Line) + ": " + e.Message
}
