package inbound

import (
	"bytes"
	"regexp"
	"strings"
)

// Bounds on what is read of a message. Reports are small; of a big one the
// beginning says it all.
const (
	// MaxSize is how many bytes of a message are read; what follows is left out.
	MaxSize = 4 << 20

	maxDepth  = 8
	maxParts  = 64
	maxFields = 400
	maxHeader = 256 << 10
)

// part is a message, or a part of one, decoded.
type part struct {
	fields   []field
	kind     string // media type, lower case; text/plain when not said
	params   map[string]string
	text     string // of a leaf: UTF-8, lines end with \n
	children []*part
}

type field struct{ name, value string } // name in lower case, value unfolded

// get is the value of the first field of a name (in lower case).
func (p *part) get(name string) string {
	for _, f := range p.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// has tells whether there is a field of a name at all.
func (p *part) has(name string) bool {
	for _, f := range p.fields {
		if f.name == name {
			return true
		}
	}
	return false
}

// walk calls f with p and all below it, in order.
func (p *part) walk(f func(*part)) {
	f(p)
	for _, c := range p.children {
		c.walk(f)
	}
}

// parse reads a message. It never fails: what is no mail at all is a text.
func parse(raw []byte) *part {
	if len(raw) > MaxSize {
		raw = raw[:MaxSize]
	}
	raw = unixLines(raw)
	if bytes.HasPrefix(raw, []byte("From ")) { // the line by which an mbox parts mails
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	left := maxParts
	return parsePart(bytes.TrimLeft(raw, "\n"), 0, &left)
}

// unixLines turns CRLF and CR into LF.
func unixLines(b []byte) []byte {
	if bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
}

func parsePart(raw []byte, depth int, left *int) *part {
	*left--
	p := &part{}
	var body []byte
	p.fields, body = parseHeader(raw)
	p.kind, p.params = mediaType(p.get("content-type"))
	boundary := p.params["boundary"]
	if strings.HasPrefix(p.kind, "multipart/") && boundary != "" && depth < maxDepth {
		before, pieces := split(body, boundary)
		if len(pieces) == 0 { // the header names another than the body has
			if boundary = guess(body); boundary != "" {
				before, pieces = split(body, boundary)
			}
		}
		if len(pieces) > 0 {
			if text := decode(before, "", ""); strings.TrimSpace(text) != "" {
				p.children = append(p.children, &part{kind: preamble, text: text})
			}
			for _, piece := range pieces {
				if *left <= 0 {
					break
				}
				p.children = append(p.children, parsePart(piece, depth+1, left))
			}
			return p
		}
	}
	p.text = decode(body, p.get("content-transfer-encoding"), p.params["charset"])
	return p
}

var boundaryLine = regexp.MustCompile(`(?i)(?:^|\n)--([^\n]{1,200}?)[ \t]*\ncontent-[a-z-]+:`)

// guess finds the boundary that a body uses.
func guess(body []byte) string {
	if found := boundaryLine.FindSubmatch(body); found != nil {
		return string(found[1])
	}
	return ""
}

// preamble is the kind of what stands before the first part of a multipart. Some
// mail programs write their report there.
const preamble = "text/x-preamble"

// headerReader is a header while it is being read.
type headerReader struct {
	fields []field
	value  []byte // of the last field, which goes on for as long as lines begin with a blank
	open   bool   // the last field is kept
	left   int    // bytes that are still kept
}

// parseHeader reads fields up to the first empty line, or the first line that can
// be none. Of names and values together maxHeader bytes are kept.
func parseHeader(raw []byte) (fields []field, body []byte) {
	h := headerReader{left: maxHeader}
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(bytes.TrimRight(line, " \t")) == 0 {
			return h.close(), rest
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(h.fields) == 0 {
				return nil, raw
			}
			h.more(" ", line)
			raw = rest
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || !fieldName(name) {
			return h.close(), raw
		}
		h.begin(name, value)
		raw = rest
	}
	return h.close(), nil
}

func (h *headerReader) begin(name, value []byte) {
	h.close()
	if h.open = len(h.fields) < maxFields && len(name) < h.left; h.open {
		h.left -= len(name)
		h.fields = append(h.fields, field{name: strings.ToLower(string(name))})
		h.more("", value)
	}
}

// more goes on with the value of the last field.
func (h *headerReader) more(blank string, text []byte) {
	text = bytes.TrimSpace(text)
	if !h.open || h.left < len(blank) {
		return
	}
	text = text[:min(len(text), h.left-len(blank))]
	h.value = append(append(h.value, blank...), text...)
	h.left -= len(blank) + len(text)
}

func (h *headerReader) close() []field {
	if h.open {
		h.fields[len(h.fields)-1].value = string(h.value)
	}
	h.value, h.open = h.value[:0], false
	return h.fields
}

func fieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return len(b) > 0
}

// mediaType reads a Content-Type, however it is spelled.
func mediaType(value string) (kind string, params map[string]string) {
	kind, rest, _ := strings.Cut(value, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if at := strings.IndexAny(kind, " \t"); at > 0 {
		kind, rest = kind[:at], kind[at:]+";"+rest
	}
	if !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	params = map[string]string{}
	for rest != "" {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		name = strings.ToLower(strings.Trim(name, " \t;"))
		after = strings.TrimLeft(after, " \t")
		var v string
		if strings.HasPrefix(after, `"`) {
			v, rest, _ = strings.Cut(after[1:], `"`)
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			v, rest, _ = strings.Cut(after, ";")
			v = strings.TrimSpace(v)
		}
		if _, double := params[name]; !double && len(params) < 32 {
			params[name] = v
		}
	}
	return kind, params
}

// split parts a multipart body. A boundary that never closes ends with the text.
func split(body []byte, boundary string) (before []byte, pieces [][]byte) {
	mark := []byte("--" + strings.TrimRight(boundary, " \t"))
	from, started := 0, false
	for at := 0; at < len(body); {
		end := bytes.IndexByte(body[at:], '\n')
		next := len(body)
		if end >= 0 {
			next = at + end + 1
		}
		line := bytes.TrimRight(body[at:next], " \t\n")
		if bytes.HasPrefix(line, mark) {
			tail := string(line[len(mark):])
			if tail == "" || tail == "--" {
				if started {
					pieces = append(pieces, body[from:at])
				} else {
					before = body[:at]
				}
				started, from = true, next
				if tail == "--" || len(pieces) >= maxParts {
					return before, pieces
				}
			}
		}
		at = next
	}
	if started && from < len(body) {
		pieces = append(pieces, body[from:])
	}
	return before, pieces
}
