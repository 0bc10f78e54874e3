package doctor

import "strings"

// Status is how bad a finding is.
type Status string

// The statuses. Only Fail makes mail be refused, or is sure to cost its place in the
// inbox.
const (
	OK   Status = "ok"
	Hint Status = "hint" // could be done
	Warn Status = "warn" // should be mended
	Fail Status = "fail" // Gmail, Yahoo or Microsoft refuse mail because of it
)

// Report is what was found of a domain.
type Report struct {
	OK       bool      `json:"ok"` // nothing fails, and all was looked at
	Domain   string    `json:"domain"`
	Resolver string    `json:"resolver"` // that was asked
	Findings []Finding `json:"findings"`
}

// Finding is one thing that was looked at.
type Finding struct {
	Check  string  `json:"check"` // spf, dkim, dmarc, alignment, mx, ptr, tls, unsubscribe, time
	Status Status  `json:"status"`
	What   string  `json:"what"`
	Do     string  `json:"do,omitempty"`     // the mend, for a person
	Record *Record `json:"record,omitempty"` // to write into DNS
}

// Record is a DNS record to write.
type Record struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// ZoneLine is the record as a zone file has it, in strings of at most 255 bytes.
func (r Record) ZoneLine() string {
	if r.Type != "TXT" {
		return r.Name + ". IN " + r.Type + " " + r.Value
	}
	var b strings.Builder
	b.WriteString(r.Name + ". IN TXT")
	for text := r.Value; ; {
		n := min(len(text), 255)
		b.WriteString(` "` + text[:n] + `"`)
		if text = text[n:]; text == "" {
			return b.String()
		}
	}
}

// findings collects what a check finds.
type findings struct{ all []Finding }

func (f *findings) add(check string, s Status, what, do string, record *Record) {
	f.all = append(f.all, Finding{check, s, what, do, record})
}

func (f *findings) ok(check, what string) { f.add(check, OK, what, "", nil) }

func txt(name, value string) *Record { return &Record{name, "TXT", value} }
