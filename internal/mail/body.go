package mail

import "bytes"

// appendBody appends a message as DATA carries it, without the final dot: a dot
// at the start of a line is doubled, and the last line is ended. A bare CR or LF
// becomes CRLF, because a server that took it for a line's end would let the
// text of one message speak commands (RFC 5321 2.3.8 forbids both).
func appendBody(dst, body []byte) []byte {
	cr, lf := next(body, '\r', 0), next(body, '\n', 0)
	for at := 0; at < len(body); {
		end := min(cr, lf)
		if body[at] == '.' {
			dst = append(dst, '.')
		}
		dst = append(append(dst, body[at:end]...), '\r', '\n')
		at = end + 1
		if lf == cr+1 {
			at = lf + 1
		}
		if cr < at {
			cr = next(body, '\r', at)
		}
		if lf < at {
			lf = next(body, '\n', at)
		}
	}
	return dst
}

// next is where b comes at or after from, or the length of s.
func next(s []byte, b byte, from int) int {
	if from >= len(s) {
		return len(s)
	}
	if i := bytes.IndexByte(s[from:], b); i >= 0 {
		return from + i
	}
	return len(s)
}
