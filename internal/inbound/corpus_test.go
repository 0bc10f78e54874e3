package inbound

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ulikunitz/xz"
)

const corpora = "../../../shared/data/"

// unpack reads the files of an archive that a test finds beside the checkout.
func unpack(t *testing.T, name string) map[string][]byte {
	t.Helper()
	f, err := os.Open(corpora + name)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there", corpora+name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for archive := tar.NewReader(in); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if out[h.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

// policyReasons are the corpus's words for refusals that are about the mail or its
// sender.
var policyReasons = map[string]bool{
	"authfailure": true, "badreputation": true, "blocked": true, "norelaying": true, "notcompliantrfc": true, "policyviolation": true,
	"rejected": true, "requireptr": true, "securityerror": true, "spamdetected": true, "virusdetected": true, "failedstarttls": true,
}

// expectation is the corpus's own judgement in our words.
func expectation(reason, hard string) string {
	switch {
	case reason == "feedback":
		return string(Complaint)
	case reason == "vacation":
		return string(AutoReply)
	case reason == "delivered":
		return string(Delivered)
	case hard == "true":
		return string(Hard)
	case policyReasons[reason]:
		return string(Policy)
	}
	return string(Soft)
}

func judged(r Result, i int) string {
	switch {
	case r.Kind != Bounce || i >= len(r.Recipients):
		return string(r.Kind)
	case r.Recipients[i].Class == "":
		return string(Delivered)
	}
	return string(r.Recipients[i].Class)
}

func TestCorpus(t *testing.T) {
	files := unpack(t, "bounces-sisimai/bsd-dev.tar.xz")
	in, err := os.Open(corpora + "bounces-sisimai/expected-dev.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string][][]string{}
	for _, row := range rows[1:] {
		wanted[row[0]] = append(wanted[row[0]], row)
	}
	total, missed := 0, 0
	for name, raw := range files {
		file := path.Base(name)
		rows := wanted[file]
		r := parseBox(raw)
		for i, row := range rows {
			total++
			want, got := expectation(row[4], row[5]), judged(r, i)
			if len(r.Recipients) != len(rows) && r.Kind != AutoReply {
				got += ", of other recipients"
			}
			for _, to := range r.Recipients {
				if !bytes.Contains(bytes.ToLower(raw), []byte(strings.ToLower(to.Address[:strings.IndexByte(to.Address, '@')]))) &&
					!bytes.Contains(bytes.ToLower(raw), []byte("base64")) {
					got += ", of " + to.Address + " who is not in it"
				}
			}
			if want == got {
				continue
			}
			missed++
			if knownMisses[file] != got {
				t.Errorf("%s %d: want %s (%s %s %s), got %s: %+v", file, i+1, want, row[4], row[2], row[3], got, r.Recipients)
			}
		}
	}
	if total < 300 || missed*50 > total {
		t.Errorf("%d of %d differ from the corpus; at most one in fifty may", missed, total)
	}
	t.Logf("%d of %d agree", total-missed, total)
}

// knownMisses are where we differ from the corpus, and how; docs/inbound.md has the
// reasons.
var knownMisses = map[string]string{
	"arf-11.eml":             "complaint, of other recipients",
	"lhost-gmail-03.eml":     "policy",
	"lhost-opensmtpd-12.eml": "soft",
	"rfc3464-35.eml":         "soft",
	"rhost-aol-06.eml":       "soft",
	"rhost-nttdocomo-02.eml": "soft",
}

// parseBox reads a file of one message or, as an mbox, of several.
func parseBox(raw []byte) Result {
	var all Result
	for i, piece := range regexp.MustCompile(`\n\nFrom MAILER-DAEMON .*\n`).Split(string(raw), -1) {
		if strings.TrimSpace(piece) == "" {
			continue
		}
		r := Parse([]byte(piece))
		if i == 0 || all.Kind == "" {
			all = r
		} else {
			all.Recipients = append(all.Recipients, r.Recipients...)
		}
	}
	return all
}

func TestLineEnds(t *testing.T) {
	unix := map[string][]byte{}
	for name, raw := range unpack(t, "bounces-sisimai/bsd-dev.tar.xz") {
		unix[path.Base(name)] = raw
	}
	compared := 0
	for name, raw := range unpack(t, "bounces-sisimai/extra-mbox-err-dos-mac-not.tar.xz") {
		r := Parse(raw)
		switch kind := path.Base(path.Dir(name)); kind {
		case "dos", "mac":
			if r.Kind == Other || r.Kind == Reply {
				t.Errorf("%s: %s", name, r.Kind)
			}
			if same, ok := unix[path.Base(name)]; ok {
				compared++
				if diff := cmp.Diff(Parse(same).Recipients, r.Recipients); diff != "" {
					t.Errorf("%s differs from its copy with LF:\n%s", name, diff)
				}
			}
		case "err":
			// The 36th is a bounce that a person passes on.
			if r.Kind == Reply != (path.Base(name) == "make-test-36.eml") || r.Kind == AutoReply || r.Kind == Complaint {
				t.Errorf("%s: %s", name, r.Kind)
			}
		case "not":
			// The third is called so for an error of a program's: it is a bounce.
			if bounce := strings.HasPrefix(path.Base(name), "rb-"); bounce != (r.Kind == Bounce) {
				t.Errorf("%s: %s", name, r.Kind)
			}
		}
	}
	if compared < 20 {
		t.Errorf("compared %d copies", compared)
	}
}

func TestStandards(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"rfc3464/1.eml":                     "bounce [{louisl@larry.slip.umd.edu soft 4.0.0}]",
		"rfc3464/2.eml":                     "bounce [{arathib@vnet.ibm.com soft 5.0.0} {johnh@hpnjld.njd.hp.com soft 4.0.0} {wsnell@sdcc13.ucsd.edu soft 5.0.0}]",
		"rfc3464/3.eml":                     "bounce []", // it names a mailbox and no domain
		"rfc3464/4.eml":                     "bounce [{thomas@de-montfort.ac.uk soft 4.0.0}]",
		"rfc3464/5.eml":                     "bounce [{recipient@domain.com soft 5.2.2}]",
		"rfc3464/6.eml":                     "bounce [{redacted@example.com hard 5.4.1}]",
		"rfc3464/obsolete_arrival_date.eml": "bounce [{user@example.com hard 5.1.1}]",
		"rfc5965/1.eml":                     "complaint []",
		"rfc5965/2.eml":                     "complaint [{user@example.com  }]",
		"rfc5965/3.eml":                     "complaint [{user@example.com  }]",
		"rfc5965/4.eml":                     "complaint [{cb4a01a48251d4765f489076aa81e2a4@comcast.net  }]",
	} {
		raw, err := os.ReadFile(corpora + "bounces-kumomta/crates/kumo-log-types/data/" + file)
		if errors.Is(err, os.ErrNotExist) {
			t.Skipf("%s is not there", corpora)
		}
		if err != nil {
			t.Fatal(err)
		}
		r := Parse(raw)
		type said struct {
			address string
			class   Class
			status  string
		}
		got := []said{}
		for _, to := range r.Recipients {
			got = append(got, said{to.Address, to.Class, to.Status})
		}
		if text := fmt.Sprintf("%s %v", r.Kind, got); text != want {
			t.Errorf("%s: %s, want %s", file, text, want)
		}
	}
}
