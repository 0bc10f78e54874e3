package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"tidings/internal/grade"
)

type gradeCmd struct{}

// gradeInput is a line that `grade` reads. What is left out is not known.
type gradeInput struct {
	Kind      string   `json:"kind"` // open or click
	UserAgent string   `json:"user_agent"`
	Method    string   `json:"method"`
	Address   string   `json:"address"`              // of the client, or its network as 192.0.2.0/24
	After     *float64 `json:"seconds_after_accept"` // since the mail server took the mail
	Purpose   string   `json:"purpose"`              // the header Purpose or Sec-Purpose
	Followed  int      `json:"links_followed"`       // of the mail, within 10 s, this one too
	Links     int      `json:"links"`                // that the mail has
	Heads     int      `json:"links_by_head"`        // of it, asked for by HEAD within 10 s
	Networks  int      `json:"networks"`             // from which its links were asked for within 10 s
	Canary    bool     `json:"canary"`
}

// maxHitLine bounds a line of input, in bytes.
const maxHitLine = 1 << 20

// Run grades hits, a line each.
func (*gradeCmd) Run(rt *runtime) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, maxHitLine)
	out := bufio.NewWriter(rt.stdout)
	n := 0
	for in.Scan() {
		n++
		line := bytes.TrimSpace(in.Bytes())
		if len(line) == 0 {
			continue
		}
		var hit gradeInput
		if err := json.Unmarshal(line, &hit); err != nil {
			return errors.Join(out.Flush(), usage("line %d: %v; write a JSON object to a line, as {\"user_agent\":\"…\",\"method\":\"GET\",\"seconds_after_accept\":3600}", n, err))
		}
		h, err := hit.hit()
		if err != nil {
			return errors.Join(out.Flush(), usage("line %d: %v", n, err))
		}
		if err := rt.gradeLine(out, grade.Judge(h)); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return errors.Join(out.Flush(), fmt.Errorf("read hits, line %d: %w", n+1, err))
	}
	return out.Flush()
}

// gradeLine writes a grade as a line.
func (rt *runtime) gradeLine(out io.Writer, r grade.Result) error {
	rt.answered = true
	if !rt.json {
		_, err := fmt.Fprintf(out, "%-8s  %s\n", r.Grade, strings.Join(r.Reasons, "; "))
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func (in gradeInput) hit() (grade.Hit, error) {
	h := grade.Hit{
		Kind: grade.Kind(in.Kind), UserAgent: in.UserAgent, Method: strings.ToUpper(in.Method), Purpose: strings.ToLower(in.Purpose),
		Links: in.Followed, Of: in.Links, Heads: in.Heads, Networks: in.Networks, Canary: in.Canary,
	}
	switch h.Kind {
	case grade.Open, grade.Click, grade.Other:
	default:
		return h, fmt.Errorf("kind is %q; write open or click", in.Kind)
	}
	if in.After != nil {
		h.After, h.Timed = time.Duration(*in.After*float64(time.Second)), true
	}
	if in.Address != "" {
		addr, _, _ := strings.Cut(in.Address, "/")
		var err error
		if h.Addr, err = netip.ParseAddr(addr); err != nil {
			return h, fmt.Errorf("address is %q; write one as 192.0.2.7 or a network as 192.0.2.0/24", in.Address)
		}
	}
	return h, nil
}
