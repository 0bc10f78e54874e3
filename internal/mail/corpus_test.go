package mail

import (
	"archive/tar"
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"tidings/internal/campaign"
)

// bounced is a reply of a real mail server, as a bounce quotes it, with what
// others take it to mean.
type bounced struct {
	file, reason string
	hard         bool
	reply        campaign.Reply
}

var (
	diagnostic = regexp.MustCompile(`(?im)^Diagnostic-Code: *smtp;? *(.*\n(?:[ \t].*\n)*)`)
	quoted     = regexp.MustCompile(`^'?\(?(\d{3})[- ](.*)`)
)

// bouncedReplies reads the replies out of the real bounces beside the repository.
func bouncedReplies(t *testing.T) []bounced {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data", "bounces-sisimai")
	labels, err := os.Open(filepath.Join(dir, "expected-dev.csv"))
	if os.IsNotExist(err) {
		t.Skipf("the real bounces are not beside the repository: no %s", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = labels.Close() })
	rows, err := csv.NewReader(labels).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known, twice := map[string][]string{}, map[string]bool{}
	for _, r := range rows[1:] {
		twice[r[0]] = known[r[0]] != nil
		known[r[0]] = r
	}
	packed, err := os.Open(filepath.Join(dir, "bsd-dev.tar.xz"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = packed.Close() })
	plain, err := xz.NewReader(bufio.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var out []bounced
	for files := tar.NewReader(plain); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		row := known[filepath.Base(h.Name)]
		if row == nil || twice[row[0]] {
			continue
		}
		b, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		said := diagnostic.FindAllStringSubmatch(strings.ReplaceAll(string(b), "\r\n", "\n"), -1)
		if len(said) != 1 {
			continue
		}
		m := quoted.FindStringSubmatch(strings.Join(strings.Fields(said[0][1]), " "))
		if m == nil {
			continue
		}
		code, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bounced{file: row[0], reason: row[4], hard: row[5] == "true", reply: newReply(code, m[2])})
	}
}

// Real servers' words: whose address is not at fault is not given up, and nearly
// all are that do not exist.
func TestRealReplies(t *testing.T) {
	t.Parallel()
	var dead, found int
	all := bouncedReplies(t)
	for _, b := range all {
		e := &campaign.SendError{Stage: campaign.StageRcpt, Reply: b.reply}
		j := e.Judge()
		t.Logf("%-14s %-14s %-8s suppress %-5t %s %s", b.reason, j.Reason, j.Slow, j.Suppress, b.file, b.reply)
		switch b.reason {
		case "userunknown", "hasmoved":
			if b.hard && b.reply.Code >= 500 {
				dead++
				if j.Suppress {
					found++
				}
			}
		case "hostunknown", "suspend", "filtered", "onhold": // an address that nobody reads, or may be
		default:
			// Its words are those of an unknown user, whatever others know of DOCOMO.
			if j.Suppress && b.file != "rhost-nttdocomo-02.eml" {
				t.Errorf("%s: %s is given up for %q", b.file, b.reason, b.reply)
			}
		}
	}
	t.Logf("%d replies; %d of %d dead addresses found", len(all), found, dead)
	if len(all) < 100 || found*10 < dead*9 {
		t.Errorf("%d replies; %d of %d dead addresses found, want nine of ten", len(all), found, dead)
	}
}
