package content

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

// source is one YAML text being decoded: its file, and what its decoding finds.
type source struct {
	file  string
	text  string
	root  *yaml.Node     // nil when there is nothing to decode
	zone  *time.Location // of moments that name none
	ps    *problems
	refs  []reference
	notes []note
	uses  []use
	terms *terms // of the workspace; nil: not known
	depth int    // of the condition being decoded
}

// terms are what the workspace says that reading a condition needs: its currency
// and its computed attributes.
type terms struct {
	workspace *campaign.Workspace
	// currencyKnown is false when the currency could not be read: then any is taken.
	currencyKnown bool
}

// reference is a name of something else, to be found once all files are read.
type reference struct {
	kind refKind
	name string
	at   place
}

// refKind is what a reference names, as messages call it.
type refKind string

const (
	segmentRef  refKind = "segment"
	topicRef    refKind = "topic"
	senderRef   refKind = "sender"
	templateRef refKind = "template"
	campaignRef refKind = "campaign"
	eventRef    refKind = "event"
)

func (s *source) errorf(n *yaml.Node, hint, format string, args ...any) {
	s.ps.errorf(s.file, placeOf(n), hint, format, args...)
}

func (s *source) warnf(n *yaml.Node, hint, format string, args ...any) {
	s.ps.warnf(s.file, placeOf(n), hint, format, args...)
}

func (s *source) refer(kind refKind, name string, n *yaml.Node) {
	if name != "" {
		s.refs = append(s.refs, reference{kind, name, placeOf(n)})
	}
}

// maxRepairs bounds how many unquoted texts of a file are found in one run.
const maxRepairs = 100

// parse reads text, which has one YAML document. A text that YAML cannot read
// for want of quotes is reported, blanked out and read over, so that the rest
// of the file is checked in the same run; root stays nil when that fails.
func (ps *problems) parse(file, text string, zone *time.Location) *source {
	s := &source{file: file, text: text, zone: zone, ps: ps}
	if at, what := unreadable(text); what != "" {
		ps.errorf(file, at, "save the file as UTF-8 text", "%s", what)
		return s
	}
	readable := text
	for range maxRepairs {
		docs, err := documents(readable)
		if err == nil {
			s.take(docs)
			return s
		}
		f := diagnose(readable, err)
		ps.errorf(file, f.at, f.hint, "%s", f.message)
		if f.repaired == "" {
			return s
		}
		ps.mask(file, f.masked)
		readable = f.repaired
	}
	return s
}

// take makes the first document the source's own.
func (s *source) take(docs []*yaml.Node) {
	if len(docs) == 0 || len(docs[0].Content) == 0 || isNull(docs[0].Content[0]) {
		s.ps.errorf(s.file, place{1, 1}, "write something into it, or delete it", "the file is empty")
		return
	}
	if len(docs) > 1 {
		s.errorf(docs[1], "make it a file of its own, or delete the ---", "a second document begins here, which nothing would read")
	}
	s.root = docs[0].Content[0]
	s.refuse(s.root)
}

// refuse reports YAML's own devices, which the language does without: what a
// file says stands where it is read.
func (s *source) refuse(n *yaml.Node) {
	const hint = "write it out; put a text that begins so in quotes"
	switch {
	case n.Kind == yaml.AliasNode:
		s.errorf(n, hint, "*%s is a YAML alias, which the language does not have", n.Value)
	case n.Anchor != "":
		s.errorf(n, hint, "&%s is a YAML anchor, which the language does not have", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		s.errorf(n, hint, "%s is a YAML tag, which the language does not have", n.Tag)
	}
	for _, c := range n.Content {
		s.refuse(c)
	}
}

func documents(text string) ([]*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	var docs []*yaml.Node
	for {
		n := new(yaml.Node)
		switch err := loader.Load(n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		docs = append(docs, n)
	}
}

// unreadable finds the first character that no text of ours may hold: what YAML
// refuses, and what it takes for a line break while editors do not.
func unreadable(text string) (place, string) {
	at := place{1, 1}
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return at, "the file is not UTF-8 here"
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0x7f && r < 0xa0:
			return at, "a control character stands here"
		case r == '\u2028', r == '\u2029', r == '\r' && !strings.HasPrefix(text[i+1:], "\n"):
			return at, "a line break stands here that editors do not show as one"
		case r == '\n':
			at = place{at.line + 1, 0}
		}
		at.column++
	}
	return at, ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// isName tells whether s can be the name of a campaign, segment, topic, sender,
// arm or step: [a-z0-9][a-z0-9-]*.
func isName(s string) bool {
	for i, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && (r != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

const nameHint = "use small letters, digits and -, as in win-back"
